"""One attempt: what is checked around `run()`, what is told, and how generators are kept and let go."""

from __future__ import annotations

import asyncio
from queue import Empty

import pytest

import rumbo.pipeline.task as core
from rumbo.errors import AttemptCancelled, AttemptTimedOut
from rumbo.pipeline.dynamic import DynamicRequirements
from rumbo.pipeline.events import Event
from rumbo.pipeline.memory import MemoryTarget
from rumbo.pipeline.parameters.scalars import IntParameter, StrParameter
from rumbo.ports import Ended, Message
from rumbo.scheduler.records import Outcome
from rumbo.worker.attempt import Attempts, Letter, Rules


class Silence:
    """A voice nobody hears, which remembers what was said."""

    def __init__(self, *letters: Message) -> None:
        self.said: list[tuple[int, str, str]] = []
        self.letters = list(letters)

    def say(self, lease, kind, value):
        self.said.append((lease, kind, value))

    def hear(self, lease, timeout):
        return self.letters.pop(0) if self.letters else None


@pytest.fixture
def voice():
    return Silence()


class _Task(core.Task):
    task_namespace = "attempts"
    done: set[str] = set()

    def complete(self):
        return self.task_id in self.done

    def finish(self):
        self.done.add(self.task_id)


@pytest.fixture(autouse=True)
def _nothing_is_done():
    _Task.done.clear()


class Plain(_Task):
    def run(self):
        self.finish()


class Needy(_Task):
    def requires(self):
        return Plain()

    def run(self):
        self.finish()


class Asking(_Task):
    log: list[str] = []

    def run(self):
        self.log.append("began")
        try:
            answer = yield Plain()
            self.log.append(f"went on with {answer}")
            self.finish()
        finally:
            self.log.append("cleaned up")


@pytest.fixture
def log():
    Asking.log.clear()
    return Asking.log


def test_a_run_that_ends_is_done(voice):
    ended = Attempts().start(7, Plain(), voice)
    assert (ended.lease, ended.outcome, ended.message) == (7, Outcome.DONE, "")
    assert ended.seconds > 0


def test_dependencies_are_checked_just_before_when_the_rules_say_so(voice):
    ended = Attempts(Rules(check_dependencies=True)).start(1, Needy(), voice)
    assert ended.outcome is Outcome.FAILED
    assert f"Unfulfilled dependency at run time: {Plain().task_id}" in ended.message
    assert Attempts().start(2, Needy(), voice).outcome is Outcome.DONE


def test_what_ran_is_asked_whether_it_is_complete_unless_the_rules_say_no(voice):
    class Lazy(_Task):
        def run(self):
            pass

    ended = Attempts().start(1, Lazy(), voice)
    assert "attempts.Lazy() finished, but its complete() still says that it is not." in ended.message
    assert Attempts(Rules(check_complete=False)).start(1, Lazy(), voice).outcome is Outcome.DONE


def test_a_missing_output_is_named(voice):
    class Absent(core.Task):
        task_namespace = "attempts"

        def output(self):
            return [MemoryTarget("attempts/absent"), MemoryTarget("attempts/away")]

        def run(self):
            pass

    ended = Attempts().start(1, Absent(), voice)
    assert (
        "attempts.Absent() finished, but its output does not exist: attempts/absent, attempts/away. "
        "Does run() write to the very path that output() names, and close what it opens?"
    ) in ended.message


def test_a_task_that_has_no_run_is_told_to_have_one(voice):
    class Idle(core.Task):
        task_namespace = "attempts"

        def output(self):
            return MemoryTarget("attempts/idle")

    ended = Attempts().start(1, Idle(), voice)
    assert (
        "attempts.Idle() finished, but its output does not exist: attempts/idle. "
        "It has no run() that could make it: write one, or derive the task from ExternalTask if others make it."
    ) in ended.message


def test_a_task_without_outputs_has_nothing_to_prove(voice):
    class Printing(core.Task):
        task_namespace = "attempts"

    assert Attempts().start(1, Printing(), voice).outcome is Outcome.DONE


def test_a_generator_is_parked_and_goes_on_from_the_same_line(voice, log):
    attempts = Attempts()
    ended = attempts.start(1, Asking(), voice)
    assert (ended.outcome, ended.needs) == (Outcome.PARKED, (Plain(),))
    Plain().finish()
    assert attempts.resume(1, Asking(), voice).outcome is Outcome.DONE
    assert log == ["began", "went on with []", "cleaned up"]


def test_what_is_complete_already_is_answered_at_once(voice, log):
    Plain().finish()
    assert Attempts().start(1, Asking(), voice).outcome is Outcome.DONE
    assert log == ["began", "went on with []", "cleaned up"]


def test_another_process_replays(voice, log):
    assert Attempts().start(1, Asking(), voice).outcome is Outcome.PARKED
    Plain().finish()
    assert Attempts().resume(1, Asking(), voice).outcome is Outcome.DONE
    assert log.count("began") == 2


def test_one_generator_too_many_is_let_go_and_replayed(voice, log):
    attempts = Attempts(Rules(max_parked=0))
    assert attempts.start(1, Asking(), voice).outcome is Outcome.PARKED
    assert log == ["began", "cleaned up"]
    Plain().finish()
    assert attempts.resume(1, Asking(), voice).outcome is Outcome.DONE


def test_a_dropped_generator_cleans_up(voice, log):
    attempts = Attempts()
    attempts.start(1, Asking(), voice)
    attempts.drop(1)
    attempts.drop(1)
    assert log == ["began", "cleaned up"]


def test_an_error_while_a_dropped_generator_cleans_up_is_logged(voice, caplog):
    class Clumsy(_Task):
        def run(self):
            try:
                yield Plain()
            finally:
                raise OSError("cannot tidy")

    attempts = Attempts()
    attempts.start(1, Clumsy(), voice)
    attempts.drop(1)
    assert "An error while a parked run() was closed." in caplog.text


def test_yielding_something_else_than_tasks_is_told(voice):
    class Confused(_Task):
        def run(self):
            yield MemoryTarget("x")

    ended = Attempts().start(1, Confused(), voice)
    assert ended.outcome is Outcome.FAILED
    assert "Yield tasks, or lists and dictionaries of tasks; their outputs come back from the yield." in ended.message


def test_a_request_may_bring_its_own_check(voice):
    class Bulky(_Task):
        def run(self):
            yield DynamicRequirements([Plain()], custom_complete=lambda ask: True)
            self.finish()

    assert Attempts().start(1, Bulky(), voice).outcome is Outcome.DONE

    class Waiting(Bulky):
        def run(self):
            yield DynamicRequirements([Plain()], custom_complete=lambda ask: ask(Plain()))

    assert Attempts().start(1, Waiting(), voice).needs == (Plain(),)


def test_a_coroutine_is_handed_back_to_be_awaited(voice):
    class Later(_Task):
        async def run(self):
            await asyncio.sleep(0)
            self.finish()

    result = Attempts().start(1, Later(), voice)
    assert not isinstance(result, Ended)
    assert asyncio.run(_wait(result)).outcome is Outcome.DONE


def test_an_asynchronous_generator_is_parked_too(voice):
    class LaterAsking(_Task):
        async def run(self):
            answer = yield Plain()
            assert answer == []
            self.finish()

    async def both():
        attempts = Attempts()
        parked = await attempts.start(1, LaterAsking(), voice)
        Plain().finish()
        return parked, await attempts.resume(1, LaterAsking(), voice)

    parked, ended = asyncio.run(both())
    assert (parked.outcome, ended.outcome) == (Outcome.PARKED, Outcome.DONE)


def test_an_error_in_a_coroutine_is_a_failure(voice):
    class LaterFailing(_Task):
        async def run(self):
            raise LookupError("gone")

    ended = asyncio.run(_wait(Attempts().start(1, LaterFailing(), voice)))
    assert ended.outcome is Outcome.FAILED
    assert "LookupError: gone" in ended.message

    class LaterFailingAgain(_Task):
        async def run(self):
            raise LookupError("gone")
            yield

    ended = asyncio.run(_wait(Attempts().start(1, LaterFailingAgain(), voice)))
    assert "LookupError: gone" in ended.message


async def _wait(awaitable):
    return await awaitable


def test_what_run_returns_otherwise_does_not_matter(voice):
    class Returning(_Task):
        def run(self):
            self.finish()
            return 42

    assert Attempts().start(1, Returning(), voice).outcome is Outcome.DONE


def test_a_failure_is_told_and_explained(voice):
    told = []

    class Failing(_Task):
        def run(self):
            raise ValueError("bad luck")

        def on_failure(self, exception):
            return f"explained: {exception}"

    @Failing.event_handler(Event.FAILURE)
    def hear(task, error):
        told.append((task, str(error)))

    ended = Attempts().start(1, Failing(), voice)
    assert (ended.outcome, ended.message, ended.retryable) == (Outcome.FAILED, "explained: bad luck", True)
    assert told == [(Failing(), "bad luck")]


def test_an_error_of_on_failure_does_not_hide_the_first_one(voice):
    class Failing(_Task):
        def run(self):
            raise ValueError("the first")

        def on_failure(self, exception):
            raise TypeError("the second")

    message = Attempts().start(1, Failing(), voice).message
    assert message.index("ValueError: the first") < message.index("Then on_failure() itself failed:")
    assert "TypeError: the second" in message


def test_an_error_of_on_success_makes_the_task_fail(voice):
    class Failing(_Task):
        def run(self):
            self.finish()

        def on_success(self):
            raise ValueError("cannot celebrate")

    ended = Attempts().start(1, Failing(), voice)
    assert ended.outcome is Outcome.FAILED
    assert "cannot celebrate" in ended.message


def test_leaving_the_program_is_a_failure_and_an_interrupt_is_not(voice):
    class Leaving(_Task):
        def run(self):
            raise SystemExit(2)

    assert "SystemExit: 2" in Attempts().start(1, Leaving(), voice).message

    class Interrupted(_Task):
        def run(self):
            raise KeyboardInterrupt

    task = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        Attempts().start(1, task, voice)
    assert task.set_status_message is None


def test_being_stopped_is_not_failing(voice):
    class Stopped(_Task):
        error = StrParameter()

        def run(self):
            raise AttemptTimedOut("too long") if self.error == "time" else AttemptCancelled("enough")

    assert Attempts().start(1, Stopped(error="time"), voice)[1:3] == (Outcome.TIMED_OUT, "too long")
    assert Attempts().start(1, Stopped(error="person"), voice)[1:3] == (Outcome.CANCELLED, "enough")


def test_a_task_speaks_only_while_it_runs(voice):
    class Speaking(_Task):
        n = IntParameter(default=1)
        resources = {"gpu": 2}

        def run(self):
            self.set_tracking_url("http://x")
            self.set_progress_percentage(12.5)
            self.decrease_running_resources({"gpu": 1})
            self.finish()

    task = Speaking()
    assert task.set_tracking_url is None
    Attempts().start(3, task, voice)
    assert task.set_tracking_url is None
    assert voice.said == [(3, "tracking_url", "http://x"), (3, "progress", "12.5"), (3, "resources", '{"gpu": 1}')]


def test_messages_are_read_like_a_queue():
    class Reading(_Task):
        accepts_messages = True

        def run(self):
            inbox = self.scheduler_messages
            assert not inbox.empty()
            assert inbox.get_nowait() == "first"
            second = inbox.get()
            second.respond("thanks")
            assert inbox.empty()
            with pytest.raises(Empty):
                inbox.get(timeout=0)
            self.finish()

    voice = Silence(Message("1", "first"), Message("2", "second"))
    ended = Attempts().start(4, Reading(), voice)
    assert ended.outcome is Outcome.DONE, ended.message
    assert voice.said == [(4, "reply", '["2", "thanks"]')]


def test_letters_are_compared_by_their_text():
    letter = Letter("1", "go", 1, Silence())
    assert letter == "go"
    assert letter == Letter("2", "go", 1, Silence())
    assert letter != 3
    assert hash(letter) == hash("go")


def test_events_tell_the_time_a_success_took(voice):
    times = []

    class Timed(_Task):
        def run(self):
            self.finish()

    Timed.event_handler(Event.PROCESSING_TIME)(lambda task, seconds: times.append(seconds))
    Attempts().start(1, Timed(), voice)
    assert len(times) == 1
    assert times[0] >= 0
