"""Which of many tasks are complete: asked in bulk where file systems can, and at the same time where it is slow."""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rumbo.errors import TaskError
from rumbo.pipeline.bulk import answers_in_bulk, complete_in_bulk
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.target import exist, is_asked_of_file_system
from rumbo.pipeline.task import Task
from rumbo.wording import described

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Answer = bool | BaseException
"""What a task says of itself, or the error it raised when asked."""

Broken = (Exception, SystemExit)
"""What a user's code may raise to end one branch of the plan, and no more."""

_FEW = 3
"""So few tasks are simply asked, one after the other."""
_SLOW = 0.001
"""Seconds for one answer, from which on it pays to ask several at the same time."""
_CHUNK = 16
"""So many are asked before the time they take is looked at again."""


def check(task: Task) -> Answer:
    """Ask one task. An error, or an answer that is not a bool, is given back and not raised."""
    try:
        answer = task.complete()
    except Broken as error:  # the user's code; one broken branch must not stop the others
        return wrong_output(task) or error
    if answer is True or answer is False:
        return answer
    return TaskError(f"{task}.complete() returned {described(answer)}: it must return True or False.")


def wrong_output(task: Task) -> TaskError | None:
    """What is wrong with a task's `output()`, if that is why it could not say whether it is complete."""
    try:
        wrong = [made for made in flatten(task.output()) if not hasattr(made, "exists")]
    except Broken:
        return None
    if not wrong:
        return None
    is_path = isinstance(wrong[0], (str, os.PathLike))
    advice = f"rumbo.LocalTarget({os.fspath(wrong[0])!r})" if is_path else "rumbo.LocalTarget(path)"
    return TaskError(f"{task}.output() returned {described(wrong[0])}: return targets, such as {advice}.")


def check_all(tasks: Sequence[Task], threads: int) -> list[Answer]:
    """Ask all tasks, each just once; answers in their order.

    Args:
        threads: how many may be asked at the same time when they turn out to be slow; 1 keeps to one.
    """
    if len(tasks) <= _FEW:
        return [check(task) for task in tasks]
    answers: dict[int, Answer] = {}
    by_class: dict[type[Task], list[int]] = {}
    singly: list[int] = []
    for place, task in enumerate(tasks):
        by_class.setdefault(type(task), []).append(place)
    for cls, places in by_class.items():
        if len(places) > _FEW and _answer_by_class(cls, tasks, places, answers):
            continue
        if cls.complete is not Task.complete or not _answer_by_outputs(tasks, places, answers):
            singly += places
    _ask(tasks, singly, answers, threads)
    return [answers[place] for place in range(len(tasks))]


def _answer_by_class(cls: type[Task], tasks: Sequence[Task], places: list[int], answers: dict[int, Answer]) -> bool:
    """Let a class answer for its tasks by its own `bulk_complete`; False when it cannot, or raises.

    Only a class with one parameter is asked: what `bulk_complete` gets for several parameters is no settled custom, and
    a method that expects something else would quietly call complete tasks missing.
    """
    if not answers_in_bulk(cls) or len(cls.get_params()) != 1:
        return False
    try:
        found = complete_in_bulk([tasks[place] for place in places])
    except Broken:  # then each task is asked by itself, and meets the error where it belongs
        return False
    if found is None:
        return False
    answers.update(zip(places, found, strict=True))
    return True


def _answer_by_outputs(tasks: Sequence[Task], places: list[int], answers: dict[int, Answer]) -> bool:
    """Answer for tasks whose completeness is the existence of their outputs, asking each file system once."""
    owners: list[int] = []
    outputs: list[Any] = []
    try:
        for place in places:
            made = flatten(tasks[place].output())
            if not made or not all(map(is_asked_of_file_system, made)):
                return False
            owners += [place] * len(made)
            outputs += made
        found = exist(outputs)
    except Broken:  # then each task is asked by itself, and meets the error where it belongs
        return False
    missing = {owner for owner, is_there in zip(owners, found, strict=True) if not is_there}
    answers.update((place, place not in missing) for place in places)
    return True


def _ask(tasks: Sequence[Task], places: list[int], answers: dict[int, Answer], threads: int) -> None:
    """Ask one after the other for as long as that is quick, then several at the same time."""
    start = 0
    while start < len(places):
        chunk = places[start : start + _CHUNK]
        begun = perf_counter()
        for place in chunk:
            answers[place] = check(tasks[place])
        start += len(chunk)
        is_slow = perf_counter() - begun > _SLOW * len(chunk)
        if is_slow and threads > 1 and len(places) - start > 1:
            rest = places[start:]
            answers.update(zip(rest, _at_once([tasks[place] for place in rest], check, threads), strict=True))
            return


def _at_once(tasks: list[Task], ask: Callable[[Task], Answer], threads: int) -> list[Answer]:
    # The threads are gone when this returns: the pool of processes is forked later, and that needs a single thread.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(threads, len(tasks))) as pool:
        return list(pool.map(ask, tasks))
