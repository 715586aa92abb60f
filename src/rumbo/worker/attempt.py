"""One attempt at a task, from its start to its outcome, with generators parked in between.

`run()` may be a plain method, a generator, a coroutine or an asynchronous generator. What a generator yields are tasks
that it needs now. If they are complete, it goes on at once with their outputs; if not, it is kept here, parked, and the
attempt ends for the moment with `Outcome.PARKED`. When the scheduler says that they are done, `resume` lets it go on
from the same line. A process that does not have the generator, since it died or had too many, replays: it begins
`run()` again, and each `yield` whose tasks are complete by now is answered at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Generator
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import AttemptCancelled, AttemptTimedOut, TaskError
from rumbo.pipeline.dynamic import DynamicRequirements
from rumbo.pipeline.events import Event, fire
from rumbo.pipeline.secrecy import masked
from rumbo.pipeline.structure import flatten
from rumbo.pipeline.task import Task, WrapperTask
from rumbo.pipeline.voice import SPEAKERS
from rumbo.ports import Ended
from rumbo.scheduler.records import Outcome
from rumbo.wording import described
from rumbo.worker.outputs import Recorder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from rumbo.ports import Message, Voice


class Rules(NamedTuple):
    """What is checked around `run()`."""

    check_dependencies: bool = False
    """Ask each dependency just before `run()` whether it is complete (Luigi's way)."""
    check_complete: bool = True
    """Ask the task after `run()` whether it is complete, so that a task that did not make its output has failed."""
    ask_planner: bool = False
    """Let the planner look at all that `run()` yields, also at what is complete (for deep runs)."""
    max_parked: int = 1000
    """Generators kept at most in one process. One more is dropped, and replayed when its turn comes."""
    record: bool = False
    """Tell with the end of an attempt what the task has made, since somebody keeps it."""


_NO_RUN = "It has no run() that could make it: write one, or derive the task from ExternalTask if others make it."
_WROTE_ELSEWHERE = "Does run() write to the very path that output() names, and close what it opens?"

STRICT = Rules()
"""Rumbo's own way: dependencies were asked when planning, and what ran must have made its output."""


class Attempts:
    """`Runner`: carries out attempts in this process."""

    def __init__(self, rules: Rules = STRICT) -> None:
        self._rules = rules
        self._parked: dict[int, tuple[Any, DynamicRequirements]] = {}
        self._recorder = Recorder() if rules.record else None

    def start(self, lease: int, task: Task, voice: Voice) -> Ended | Awaitable[Ended]:
        """Begin an attempt."""
        stretch = self._begin(lease, task, voice)
        try:
            if self._rules.check_dependencies:
                _check_dependencies(task)
            if task._event_callbacks:
                fire(task, Event.START, task)
            result = task.run()
            if result is None:
                return stretch.succeed()
            if isinstance(result, Generator):
                return self._drive(stretch, result, None)
        except BaseException as error:  # noqa: BLE001 - a stranger's error is the outcome; `fail` lets interrupts through
            return stretch.fail(error)
        if isinstance(result, Coroutine):
            return self._await(stretch, result)
        if isinstance(result, AsyncGenerator):
            return self._drive_async(stretch, result, None)
        return stretch.succeed()

    def _begin(self, lease: int, task: Task, voice: Voice) -> Stretch:
        return Stretch(lease, task, voice, self)

    def resume(self, lease: int, task: Task, voice: Voice) -> Ended | Awaitable[Ended]:
        """Go on with a parked attempt, or replay it when its generator is not here."""
        kept = self._parked.pop(lease, None)
        if kept is None:
            return self.start(lease, task, voice)
        generator, request = kept
        stretch = self._begin(lease, task, voice)
        try:
            answer = request.paths
            if isinstance(generator, Generator):
                return self._drive(stretch, generator, answer)
        except BaseException as error:  # noqa: BLE001 - as in start
            return stretch.fail(error)
        return self._drive_async(stretch, generator, answer)

    def drop(self, lease: int) -> None:
        """Close a parked generator, so that its `finally` blocks run now and not at some later time."""
        kept = self._parked.pop(lease, None)
        if kept is not None and isinstance(kept[0], Generator):
            try:
                kept[0].close()
            except BaseException:
                import logging

                logging.getLogger("rumbo").exception("An error while a parked run() was closed.")

    def _drive(self, stretch: Stretch, generator: Generator[Any, Any, Any], answer: Any) -> Ended:
        """Let a generator run to its end, or to a request that must wait."""
        try:
            while True:
                request = _as_request(generator.send(answer))
                needs = self._needs(request)
                if needs:
                    return self._park(stretch, generator, request, needs)
                answer = request.paths
        except StopIteration:
            return stretch.succeed()

    async def _drive_async(self, stretch: Stretch, generator: AsyncGenerator[Any, Any], answer: Any) -> Ended:
        try:
            while True:
                request = _as_request(await generator.asend(answer))
                needs = self._needs(request)
                if needs:
                    return self._park(stretch, generator, request, needs)
                answer = request.paths
        except StopAsyncIteration:
            return stretch.succeed()
        except BaseException as error:  # noqa: BLE001 - as in start
            return stretch.fail(error)

    async def _await(self, stretch: Stretch, coroutine: Coroutine[Any, Any, Any]) -> Ended:
        try:
            await coroutine
            return stretch.succeed()
        except BaseException as error:  # noqa: BLE001 - as in start
            return stretch.fail(error)

    def _needs(self, request: DynamicRequirements) -> tuple[Task, ...]:
        """What must be done before the generator can go on; everything, if only somebody else can tell."""
        if request.custom_complete is not None:
            return () if request.complete() else tuple(request.flat_requirements)
        for task in request.flat_requirements:
            if not isinstance(task, Task):
                raise TaskError(
                    f"run() yielded {described(task)}. "
                    "Yield tasks, or lists and dictionaries of tasks; their outputs come back from the yield."
                )
        if self._rules.ask_planner:
            return tuple(request.flat_requirements)
        return tuple([task for task in request.flat_requirements if not task.complete()])

    def _park(self, stretch: Stretch, generator: Any, request: DynamicRequirements, needs: tuple[Task, ...]) -> Ended:
        if len(self._parked) < self._rules.max_parked:
            self._parked[stretch.lease] = (generator, request)
        elif isinstance(generator, Generator):
            generator.close()
        return stretch.end(Outcome.PARKED, needs=needs)

    def succeeded(self, task: Task) -> list[Any] | None:
        """Look whether a task that came to its end has made what it promised; gives it, if that had to be asked.

        Raises:
            TaskError: it has not.
        """
        if not self._rules.check_complete or isinstance(task, WrapperTask):
            return None
        if type(task).complete is Task.complete:
            made = flatten(task.output())
            missing = [target for target in made if not target.exists()]
            if missing:
                raise TaskError(
                    f"{task} finished, but its output does not exist: {', '.join(map(str, missing))}. "
                    + (_NO_RUN if type(task).run is Task.run else _WROTE_ELSEWHERE)
                )
            return made
        if not task.complete():
            raise TaskError(f"{task} finished, but its complete() still says that it is not.")
        return None

    def record(self, task: Task, made: list[Any] | None) -> str:
        """What a task that went well has made, as a line for the record; empty if nobody keeps one."""
        return "" if self._recorder is None else self._recorder.line_of(task, made)


class Stretch:
    """An attempt from its start, or from a `yield`, to its end or the next `yield`: its clock and its voice."""

    __slots__ = ("_begun", "_runner", "_task", "_voice", "accepts_messages", "lease")

    def __init__(self, lease: int, task: Task, voice: Voice, runner: Attempts) -> None:
        self.lease = lease
        self._task = task
        self._voice = voice
        self._runner = runner
        SPEAKERS[id(task)] = self
        self._begun = perf_counter()

    def end(
        self,
        outcome: Outcome,
        message: str = "",
        retryable: bool = True,
        needs: tuple[Task, ...] = (),
        outputs: str = "",
    ) -> Ended:
        """Fall silent and tell how it ended."""
        SPEAKERS.pop(id(self._task), None)
        seconds = perf_counter() - self._begun
        # Made as a plain tuple, which takes a third of the time: this is done once for every task.
        return tuple.__new__(Ended, (self.lease, outcome, message, retryable, needs, seconds, "", False, None, outputs))

    def succeed(self) -> Ended:
        """The end of `run()`: look at the outputs, tell those who listen."""
        task = self._task
        try:
            made = self._runner.succeeded(task)
            if task._event_callbacks:
                fire(task, Event.PROCESSING_TIME, task, perf_counter() - self._begun)
            expl = task.on_success()
            if task._event_callbacks:
                fire(task, Event.SUCCESS, task)
        except BaseException as error:  # noqa: BLE001 - as in start
            return self.fail(error)
        outputs = self._runner.record(task, made)
        return self.end(Outcome.DONE, "" if expl is None else masked(str(expl), task), outputs=outputs)

    def fail(self, error: BaseException) -> Ended:
        """An error out of the user's code: tell those who listen, and make it a message for people."""
        if isinstance(error, KeyboardInterrupt):
            SPEAKERS.pop(id(self._task), None)
            raise error
        task = self._task
        if isinstance(error, AttemptTimedOut):
            return self.end(Outcome.TIMED_OUT, str(error))
        if isinstance(error, AttemptCancelled):
            return self.end(Outcome.CANCELLED, str(error))
        try:
            fire(task, Event.FAILURE, task, error)
            message = str(task.on_failure(error))
            retryable = isinstance(error, task.retry_policy().retry_on)
        except Exception as second:  # noqa: BLE001 - an error of on_failure() must not hide the first one
            import traceback

            message = "".join(traceback.format_exception(error))
            message += f"\nThen on_failure() itself failed:\n{''.join(traceback.format_exception(second))}"
            retryable = True
        return self.end(Outcome.FAILED, masked(message, task), retryable)

    # What users call, by the names that Luigi gave them.

    def set_tracking_url(self, url: str) -> None:
        """Tell where the work can be watched."""
        self._voice.say(self.lease, "tracking_url", masked(str(url), self._task))

    def set_status_message(self, message: str) -> None:
        """Tell what the task is doing."""
        self._voice.say(self.lease, "message", masked(str(message), self._task))

    def set_progress_percentage(self, percentage: float) -> None:
        """Tell how far the task has come: 0 to 100."""
        self._voice.say(self.lease, "progress", str(percentage))

    def decrease_running_resources(self, decrease: Mapping[str, float]) -> None:
        """Give back part of the resources that the task holds."""
        import json

        self._voice.say(self.lease, "resources", json.dumps(decrease))

    @property
    def scheduler_messages(self) -> Inbox | None:
        """Messages from people to this task; None unless the task accepts messages."""
        return Inbox(self.lease, self._voice) if self._task.accepts_messages else None


class Inbox:
    """The messages to a running task: read like a queue."""

    def __init__(self, lease: int, voice: Voice) -> None:
        self._lease = lease
        self._voice = voice
        self._next: Message | None = None

    def get(self, block: bool = True, timeout: float | None = None) -> Letter:
        """The next message, waited for as `queue.Queue.get` does; raises `queue.Empty`."""
        message, self._next = self._next, None
        if message is None:
            message = self._voice.hear(self._lease, timeout if block else 0.0)
        if message is None:
            from queue import Empty

            raise Empty
        return Letter(message.id, message.content, self._lease, self._voice)

    def get_nowait(self) -> Letter:
        """The next message if it is here already; raises `queue.Empty`."""
        return self.get(block=False)

    def empty(self) -> bool:
        """Whether no message is here."""
        if self._next is None:
            self._next = self._voice.hear(self._lease, 0.0)
        return self._next is None


class Letter:
    """One message to a running task. Its text is `content`, and `str()` of it."""

    def __init__(self, id: str, content: str, lease: int, voice: Voice) -> None:
        self.id = id
        self.content = content
        self._lease = lease
        self._voice = voice

    def __str__(self) -> str:
        return self.content

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, (str, Letter)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.content)

    def respond(self, response: str) -> None:
        """Answer whoever sent the message."""
        import json

        self._voice.say(self._lease, "reply", json.dumps([self.id, str(response)]))


def _check_dependencies(task: Task) -> None:
    missing = [needed.task_id for needed in task.deps() if not needed.complete()]
    if missing:
        deps = "dependency" if len(missing) == 1 else "dependencies"
        raise RuntimeError(f"Unfulfilled {deps} at run time: {', '.join(missing)}")


def _as_request(yielded: Any) -> DynamicRequirements:
    return yielded if isinstance(yielded, DynamicRequirements) else DynamicRequirements(yielded)
