"""From some root tasks to a plan: every task that matters, with a verdict and its reason."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from rumbo.errors import CollisionError, CycleError, TaskError
from rumbo.pipeline.events import Event, fire
from rumbo.pipeline.parameter import ParameterVisibility
from rumbo.pipeline.secrecy import masked
from rumbo.pipeline.task import Task, WrapperTask
from rumbo.ports import PlannedTask
from rumbo.wording import brief, described, shortened
from rumbo.worker.completeness import Answer, Broken, check_all
from rumbo.worker.freshness import Freshness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rumbo.worker.outputs import Recorder


class Verdict(StrEnum):
    """What is to become of a task in a run."""

    RUN = "run"
    """It is missing, and we can make it."""
    SKIP = "skip"
    """It is complete."""
    WAIT = "wait"
    """It is missing and we cannot make it: it is external or switched off, or it needs something that is."""
    BROKEN = "broken"
    """Its `complete()` or `requires()` raised, so nobody knows."""


class Node:
    """A task in a plan."""

    __slots__ = ("error", "id", "needs", "reason", "task", "verdict")

    def __init__(self, task: Task, id: str) -> None:
        self.task = task
        self.id = id
        self.verdict = Verdict.RUN
        self.reason = ""
        self.needs: list[Node] = []
        """The tasks it requires; not looked up for a complete task, unless the plan is deep."""
        self.error: BaseException | None = None
        """With BROKEN: what was raised."""

    def __repr__(self) -> str:
        return f"<{self.id} {self.verdict}: {self.reason}>"

    @property
    def name(self) -> str:
        """The task as people write it, on one line and of bearable length."""
        return shortened(str(self.task))

    @property
    def traceback(self) -> str:
        """With BROKEN: what was raised, as Python prints it; else empty."""
        if self.error is None:
            return ""
        import traceback

        return masked("".join(traceback.format_exception(self.error)), self.task)

    def planned(self, recorder: Recorder | None = None) -> PlannedTask:
        """The node as observers see it.

        Args:
            recorder: writes down what is there already that nothing here makes: it leaves no attempt to tell of it.
        """
        task = self.task
        is_given = recorder is not None and self.verdict is Verdict.SKIP and not _has_run(task)
        return PlannedTask(
            self.id,
            task.get_task_family(),
            task.task_module,
            task.to_str_params(only_public=True),
            str(self.verdict),
            self.reason,
            tuple([node.id for node in self.needs]),
            task.priority,
            self.traceback,
            (),
            _owners_of(task),
            _batched_by(type(task)),
            recorder.line_of(task) if is_given and recorder is not None else "",
        )


def _has_run(task: Task) -> bool:
    """Whether we could make a task; others make those that have nothing in the place of `run()`."""
    run = task.run
    return getattr(run, "__func__", run) not in (None, NotImplemented, Task.run)


def _owners_of(task: Task) -> tuple[str, ...]:
    try:
        return tuple(map(str, task._owner_list()))
    except Exception as error:  # noqa: BLE001 - whom to tell of failures is no reason to fail
        import warnings

        warnings.warn(f"The owner_email of {task} raised {error!r}, so its owners hear nothing.", stacklevel=2)
        return ()


@lru_cache(1000)
def _batched_by(cls: type[Task]) -> tuple[str, ...]:
    return tuple(cls.batch_param_names())


class Plan:
    """The graph found from some roots. It grows when running tasks ask for more.

    Finding it is iterative and layer by layer: all tasks of a layer are asked together whether they are complete, and
    those that are not are asked what they require. What lies below a complete task is not looked at, unless the plan
    is ``deep``; then a complete task of which something below must be made (again), or is newer, is made again too.

    Args:
        deep: look below complete tasks.
        threads: how many tasks may be asked at the same time when their `complete()` turns out to be slow.
        allow_collisions: take two tasks that differ only in insignificant parameters for one (Luigi's way).
        ask_wrappers: ask a wrapper task itself whether it is complete, which asks all that it requires one by one
            (Luigi's way); by default its verdict follows from theirs.
        progress: called now and then with the number of tasks found so far.
        is_removed: whether a task that says it is complete is taken for one that is not, since its outputs will go.
    """

    def __init__(
        self,
        deep: bool = False,
        threads: int = 16,
        allow_collisions: bool = False,
        ask_wrappers: bool = False,
        progress: Callable[[int], None] | None = None,
        is_removed: Callable[[Task], bool] | None = None,
    ) -> None:
        self.nodes: dict[str, Node] = {}
        """All nodes by id, in the order they were found."""
        self.roots: list[Node] = []
        self._freshness = Freshness() if deep else None
        self._threads = threads
        self._allow_collisions = allow_collisions
        self._ask_wrappers = ask_wrappers
        self._progress = progress
        self._is_removed = is_removed

    @property
    def has_work(self) -> bool:
        """Whether anything is not complete."""
        return any(node.verdict is not Verdict.SKIP for node in self.nodes.values())

    def _repr_html_(self) -> str:
        """The plan as a picture, for notebooks."""
        from rumbo.drawings.notebook import as_html
        from rumbo.drawings.picture import picture

        counts: dict[str, int] = {}
        for node in self.nodes.values():
            counts[str(node.verdict)] = counts.get(str(node.verdict), 0) + 1
        tally = ", ".join(f"{many:,} {verdict}" for verdict, many in counts.items())
        return as_html(picture(self), f"A plan: {tally or 'nothing'}.")

    def find(self, roots: Iterable[Task]) -> list[Node]:
        """Plan for some roots; gives the new nodes, dependencies before dependents.

        Raises:
            CycleError: tasks need each other in a circle.
            CollisionError: two tasks have one id although they are different.
            TaskError: a root is not a task.
        """
        fresh: list[Node] = []
        for task in roots:
            if not isinstance(task, Task):
                raise TaskError(f"Not a task: {described(task)}. Give instances of Task to build.")
            self.roots.append(self._meet(task, fresh))
        return self._grow(fresh)

    def add(self, needed: Iterable[Task]) -> tuple[list[Node], list[Node]]:
        """Plan for what a running task asked for; gives the nodes asked for, and the new ones as `find` does."""
        fresh: list[Node] = []
        asked = [self._meet(task, fresh) for task in needed]
        return asked, self._grow(fresh)

    def _meet(self, task: Task, fresh: list[Node]) -> Node:
        """The node of a task; a new one is added to ``fresh``."""
        id = task.task_id
        node = self.nodes.get(id)
        if node is None:
            node = self.nodes[id] = Node(task, id)
            fresh.append(node)
        elif node.task is not task and not self._allow_collisions:
            _forbid_collision(node.task, task)
        return node

    def _grow(self, layer: list[Node]) -> list[Node]:
        found: list[Node] = []
        while layer:
            found += layer
            below: list[Node] = []
            answers = iter(self._ask([node.task for node in layer if not self._follows(node)]))
            for node in layer:
                if self._follows(node) or self._judge(node, next(answers)) or self._freshness is not None:
                    self._descend(node, below)
            layer = below
            if self._progress is not None:
                self._progress(len(self.nodes))
        ordered = _dependencies_first(found)
        for node in ordered:
            self._settle(node)
        return ordered

    def _follows(self, node: Node) -> bool:
        """Whether the verdict of a task follows from those of what it requires, so that it need not be asked."""
        return not self._ask_wrappers and type(node.task).complete is WrapperTask.complete

    def _ask(self, tasks: Sequence[Task]) -> Sequence[Answer]:
        """What each task of a layer says of itself."""
        return check_all(tasks, self._threads)

    def _judge(self, node: Node, answer: Answer) -> bool:
        """Note what a task said of itself; gives whether what it requires matters."""
        task = node.task
        if answer is True and self._is_removed is not None and self._is_removed(task):
            node.reason = "its output is removed, so that it is made again"
            return True
        if answer is True:
            node.verdict = Verdict.SKIP
            node.reason = "complete"
            if task._event_callbacks:
                fire(task, Event.DEPENDENCY_PRESENT, task)
            return False
        if task._event_callbacks:
            fire(task, Event.DEPENDENCY_MISSING, task)
        if answer is not False:
            self._break(node, answer, f"complete() failed: {brief(answer)}")
            return False
        if task.disabled:
            node.verdict = Verdict.WAIT
            node.reason = "switched off by its author"
        elif task.run is None or task.run is NotImplemented:
            node.verdict = Verdict.WAIT
            node.reason = "external: somebody else must bring it about"
        else:
            node.reason = "not complete"
        return True

    def _break(self, node: Node, error: BaseException, reason: str) -> None:
        node.verdict = Verdict.BROKEN
        node.error = error
        node.reason = masked(reason, node.task)

    def _settle(self, node: Node) -> None:
        """Bring a verdict in line with those of what the task requires. Called dependencies first."""
        if node.verdict is Verdict.RUN and self._follows(node):
            self._judge(node, all(needed.verdict is Verdict.SKIP for needed in node.needs))
        if node.verdict is Verdict.SKIP:
            if self._freshness is not None:
                self._doubt(node, self._freshness)
        elif node.verdict is Verdict.RUN:
            made = 0
            for needed in node.needs:
                if needed.verdict is Verdict.WAIT or needed.verdict is Verdict.BROKEN:
                    node.verdict = Verdict.WAIT
                    node.reason = f"needs {needed.name}, which {_hindrance(needed)}"
                    return
                made += needed.verdict is Verdict.RUN
            if made:
                node.reason = f"not complete, and {made} of {len(node.needs)} that it needs are made first"

    def _doubt(self, node: Node, freshness: Freshness) -> None:
        """See whether a complete task must be made again because of what it was made from."""
        for needed in node.needs:
            if needed.verdict is Verdict.RUN:
                node.verdict = Verdict.RUN
                node.reason = f"complete, but {needed.name} is made again"
                return
        newer = freshness.newer_input(node)
        if newer is not None:
            node.verdict = Verdict.RUN
            node.reason = f"complete, but {newer.name} is newer"
            return
        freshness.age(node)

    def _descend(self, node: Node, below: list[Node]) -> None:
        """Add what a task requires to the layer below."""
        task = node.task
        try:
            needed = task.deps()
            if not all(issubclass(kind, Task) for kind in set(map(type, needed))):
                stranger = next(each for each in needed if not isinstance(each, Task))
                raise TaskError(
                    f"{task}.requires() returned {described(stranger)}: "
                    "return tasks, not their targets and not their classes."
                )
        except Broken as error:  # the user's code; one broken branch must not stop the others
            self._break(node, error, f"requires() failed: {brief(error)}")
            if task._event_callbacks:
                fire(task, Event.BROKEN_TASK, task, error)
            return
        node.needs += [self._meet(each, below) for each in needed]
        if task._event_callbacks:
            for each in needed:
                fire(task, Event.DEPENDENCY_DISCOVERED, task, each)


def _forbid_collision(first: Task, second: Task) -> None:
    """Two objects with one id are fine when they are the same task; they are not when a parameter differs."""
    mine, yours = first.param_kwargs, second.param_kwargs
    different = [name for name in mine if mine[name] != yours.get(name, mine[name])]
    if different:
        name = different[0]
        is_private = dict(first.get_params())[name].visibility == ParameterVisibility.PRIVATE
        values = "" if is_private else f" ({mine[name]!r} and {yours[name]!r})"
        raise CollisionError(
            f"Two tasks have the id {first.task_id} but differ in the parameter {name!r}{values}, which is not "
            "significant, so only one of them could run. Make the parameter significant in "
            f"{first.get_task_family()}, or give it the same value wherever the task is required."
        )


def _hindrance(node: Node) -> str:
    if node.verdict is Verdict.BROKEN:
        return "is broken"
    return "is external and not there" if node.reason.startswith("external") else "cannot be made"


def _dependencies_first(found: Sequence[Node]) -> list[Node]:
    """The nodes in an order in which each comes after all it needs; among equals, as they were found.

    Raises:
        CycleError: there is no such order.
    """
    waiting: dict[str, int] = {}
    for node in found:
        waiting[node.id] = 0
    dependents: dict[str, list[Node]] = {}
    for node in found:
        for needed in node.needs:
            if needed.id in waiting:
                waiting[node.id] += 1
                dependents.setdefault(needed.id, []).append(node)
    ordered = [node for node in found if not waiting[node.id]]
    for node in ordered:  # grows as it is walked
        for dependent in dependents.get(node.id, ()):
            waiting[dependent.id] -= 1
            if not waiting[dependent.id]:
                ordered.append(dependent)
    if len(ordered) < len(found):
        circle = _find_cycle([node for node in found if waiting[node.id]])
        raise CycleError(tuple([node.id for node in circle]), tuple([node.name for node in circle]))
    return ordered


def _find_cycle(tangled: Sequence[Node]) -> list[Node]:
    """A circle among nodes that each need another one of them, or are needed by such."""
    rest = {node.id for node in tangled}
    place: dict[str, int] = {}
    path: list[Node] = []
    node = tangled[0]
    while node.id not in place:
        place[node.id] = len(path)
        path.append(node)
        node = next(needed for needed in node.needs if needed.id in rest)
    return [*path[place[node.id] :], node]
