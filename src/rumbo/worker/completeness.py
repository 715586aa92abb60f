"""Which of many tasks are complete: asked in bulk where file systems can, and at the same time where it is slow."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from rumbo.errors import TaskError
from rumbo.pipeline.bulk import answers_in_bulk, complete_in_bulk
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.target import FileSystemTarget
from rumbo.pipeline.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Answer = bool | BaseException
"""What a task says of itself, or the error it raised when asked."""

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
    except Exception as error:  # noqa: BLE001 - the user's code; one broken branch must not stop the others
        return error
    if answer is True or answer is False:
        return answer
    return TaskError(f"{task}.complete() returned {answer!r}, a {type(answer).__name__}: it must return True or False.")


def check_all(tasks: Sequence[Task], threads: int) -> list[Answer]:
    """Ask all tasks, each just once; answers in their order.

    Args:
        threads: how many may be asked at the same time when they turn out to be slow; 1 keeps to one.
    """
    if len(tasks) <= _FEW:
        return [check(task) for task in tasks]
    answers: dict[int, Answer] = {}
    by_listing = _Listing()
    by_class: dict[type[Task], list[int]] = {}
    singly: list[int] = []
    for place, task in enumerate(tasks):
        by_class.setdefault(type(task), []).append(place)
    for cls, places in by_class.items():
        if len(places) > _FEW and _answer_by_class(cls, tasks, places, answers):
            continue
        is_plain = cls.complete is Task.complete
        singly += [place for place in places if not is_plain or not by_listing.take(place, tasks[place])]
    by_listing.answer(answers)
    singly += by_listing.left_over
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
    except Exception:  # noqa: BLE001 - then each task is asked by itself, and meets the error where it belongs
        return False
    if found is None:
        return False
    answers.update(zip(places, found, strict=True))
    return True


class _Listing:
    """Tasks whose completeness is the existence of files, gathered so that each file system is asked once."""

    def __init__(self) -> None:
        self.left_over: list[int] = []
        self._paths: dict[int, list[tuple[int, str]]] = {}
        self._file_systems: dict[int, Any] = {}

    def take(self, place: int, task: Task) -> bool:
        """Whether the task could be put on a list; if not, it must be asked itself."""
        try:
            outputs = flatten(task.output())
        except Exception:  # noqa: BLE001 - asking the task itself brings the same error to the right place
            return False
        if not outputs:
            return False
        found: list[tuple[Any, str]] = []
        for output in outputs:
            if not isinstance(output, FileSystemTarget) or type(output).exists is not FileSystemTarget.exists:
                return False
            if "*" in output.path or "?" in output.path or "[" in output.path or "{" in output.path:
                return False
            found.append((output.fs, output.path))
        for file_system, path in found:
            self._file_systems[id(file_system)] = file_system
            self._paths.setdefault(id(file_system), []).append((place, path))
        return True

    def answer(self, answers: dict[int, Answer]) -> None:
        """Ask each file system. One that fails leaves its tasks to be asked singly."""
        failed: set[int] = set()
        for key, wanted in self._paths.items():
            try:
                existing = self._file_systems[key].exists_many([path for _, path in wanted])
            except Exception:  # noqa: BLE001 - then each task meets the error by itself, and only those concerned
                failed.update(place for place, _ in wanted)
                continue
            missing = {place for place, path in wanted if path not in existing}
            answers.update((place, answers.get(place, True) is True and place not in missing) for place, _ in wanted)
        self.left_over = sorted(failed)


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
