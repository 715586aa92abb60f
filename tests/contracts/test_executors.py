"""What every executor must do: the same small pipelines, in this thread, in threads and in processes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rumbo.pipeline.task as core
from rumbo.cli.wiring import build
from rumbo.pipeline.events import Event
from rumbo.pipeline.local import LocalTarget
from rumbo.pipeline.parameters.scalars import IntParameter, StrParameter
from rumbo.pipeline.typed import Task as TypedTask
from rumbo.store.logs import LogFolder
from rumbo.store.reader import HistoryReader

EXECUTORS = [("inline", 1), ("threads", 1), ("threads", 4), ("processes", 1), ("processes", 4)]


@pytest.fixture(params=EXECUTORS, ids=[f"{kind}-{size}" for kind, size in EXECUTORS])
def run(request):
    kind, size = request.param

    def run_with(tasks, **options):
        return build(tasks, workers=size, executor=kind, history=False, **options)

    run_with.kind = kind
    run_with.size = size
    return run_with


class _Task(core.Task):
    folder = StrParameter()
    n = IntParameter(default=0)
    task_namespace = "executors"

    def output(self):
        return LocalTarget(os.path.join(self.folder, f"{type(self).__name__}-{self.n}"))

    def write(self, text="done"):
        with self.output().open("w") as out:
            out.write(text)

    def note(self, text):
        with open(os.path.join(self.folder, f"notes-{type(self).__name__}"), "a") as notes:
            notes.write(text + "\n")


def notes(folder, family):
    path = Path(folder, f"notes-{family}")
    return path.read_text().splitlines() if path.exists() else []


class Leaf(_Task):
    def run(self):
        self.write(str(self.n))


class Sum(_Task):
    def requires(self):
        return [Leaf(folder=self.folder, n=n) for n in range(self.n)]

    def run(self):
        self.write(str(sum(int(target.open().read()) for target in self.input())))


class Asking(_Task):
    def run(self):
        self.note("began")
        first = yield Leaf(folder=self.folder, n=self.n + 1)
        self.note("had the first")
        rest = yield {"a": Leaf(folder=self.folder, n=self.n + 2), "b": [Leaf(folder=self.folder, n=self.n + 3)]}
        self.note("had the rest")
        texts = [first.open().read(), rest["a"].open().read(), rest["b"][0].open().read()]
        self.write(" ".join(texts))


class Failing(_Task):
    def run(self):
        raise ValueError(f"no luck with {self.n}")


class NeedsFailing(_Task):
    def requires(self):
        return Failing(folder=self.folder)


class Forgetful(_Task):
    def run(self):
        """Ends well and writes nothing."""


class Half(_Task):
    def run(self):
        out = self.output().open("w")
        out.write("half of it")
        raise RuntimeError("in the middle of writing")


class Talkative(_Task):
    def run(self):
        assert self.scheduler_messages is None
        self.set_status_message("busy")
        self.set_progress_percentage(50)
        self.set_tracking_url("http://somewhere")
        self.write()


class Meeting(_Task):
    """Waits until all of its kind have come, so it ends only if they run at the same time."""

    async def run(self):
        self.note("here")
        deadline = time.monotonic() + 20
        while len(notes(self.folder, "Meeting")) < 12:
            assert time.monotonic() < deadline, "the others did not come"
            await asyncio.sleep(0.005)
        self.write()


class Printing(_Task):
    """Waits for another one between two lines, so their lines come mixed if nothing tells them apart."""

    def run(self):
        print(f"{self.n} at the beginning")
        self.meet("began")
        print(f"{self.n} on the other side", file=sys.stderr)
        logging.getLogger("contract").warning("%d in the log", self.n)
        self.write()

    def meet(self, word):
        self.note(word)
        deadline = time.monotonic() + 20
        while notes(self.folder, type(self).__name__).count(word) < 2:
            assert time.monotonic() < deadline, "the other did not come"
            time.sleep(0.005)


class PrintingLater(Printing):
    async def run(self):
        print(f"{self.n} at the beginning")
        self.note("began")
        while len(notes(self.folder, "PrintingLater")) < 2:
            await asyncio.sleep(0.005)
        print(f"{self.n} on the other side", file=sys.stderr)
        await asyncio.to_thread(logging.getLogger("contract").warning, "%d in the log", self.n)
        sys.stdout.buffer.write(b"as bytes\n")
        yield Leaf(folder=self.folder, n=self.n)
        print(f"{self.n} in the end")
        self.write()


class AskingLater(_Task):
    async def run(self):
        self.note("began")
        await asyncio.sleep(0)
        first = yield Leaf(folder=self.folder, n=self.n + 1)
        self.note("had it")
        self.write(first.open().read())


class Flaky(TypedTask):
    folder: str
    failures: int
    task_namespace = "executors"
    retries = 3
    backoff = 0.0
    retry_on = (OSError,)

    def output(self):
        return LocalTarget(os.path.join(self.folder, "flaky"))

    def run(self):
        path = Path(self.folder, "attempts")
        made = len(path.read_text()) if path.exists() else 0
        path.write_text("x" * (made + 1))
        if made < self.failures:
            raise OSError("not yet")
        with self.output().open("w") as out:
            out.write("at last")


class WrongKind(Flaky):
    def run(self):
        with open(os.path.join(self.folder, "attempts"), "a") as attempts:
            attempts.write("x")
        raise KeyError("never worth another attempt")


def test_a_graph_is_worked_through(run, tmp_path):
    result = run([Sum(folder=str(tmp_path), n=10)])
    assert result.ok
    assert result.counts == {"done": 11}
    assert (tmp_path / "Sum-10").read_text() == "45"


def test_nothing_runs_twice(run, tmp_path):
    run([Sum(folder=str(tmp_path), n=3)])
    again = run([Sum(folder=str(tmp_path), n=3)])
    assert again.ok
    assert again.counts == {"complete": 1}


def test_code_before_a_yield_runs_once(run, tmp_path):
    result = run([Asking(folder=str(tmp_path), n=n) for n in (0, 10, 20)])
    assert result.ok
    assert sorted(notes(tmp_path, "Asking")) == ["began"] * 3 + ["had the first"] * 3 + ["had the rest"] * 3
    assert (tmp_path / "Asking-10").read_text() == "11 12 13"


def test_an_asynchronous_run_may_yield_too(run, tmp_path):
    result = run([AskingLater(folder=str(tmp_path), n=n) for n in (0, 10)])
    assert result.ok, result.failures()
    assert sorted(notes(tmp_path, "AskingLater")) == ["began", "began", "had it", "had it"]
    assert (tmp_path / "AskingLater-10").read_text() == "11"


def test_a_failure_stops_what_needs_it_and_nothing_else(run, tmp_path):
    result = run([NeedsFailing(folder=str(tmp_path)), Leaf(folder=str(tmp_path), n=1)])
    assert result.status == "failed"
    assert result.counts == {"done": 1, "failed": 1, "held up": 1}
    (message,) = result.failures().values()
    assert "ValueError: no luck with 0" in message


def test_a_task_that_does_not_make_its_output_has_failed(run, tmp_path):
    result = run([Forgetful(folder=str(tmp_path))])
    (message,) = result.failures().values()
    assert "finished, but its output does not exist" in message


def test_a_half_written_output_does_not_exist(run, tmp_path):
    result = run([Half(folder=str(tmp_path))])
    assert result.status == "failed"
    assert not Half(folder=str(tmp_path)).complete()


def test_a_flaky_task_is_tried_again(run, tmp_path):
    result = run([Flaky(folder=str(tmp_path), failures=2)])
    assert result.ok
    assert (tmp_path / "attempts").read_text() == "xxx"
    assert list(result.attempts.values()) == [3]


def test_a_task_is_not_tried_more_often_than_it_says(run, tmp_path):
    result = run([Flaky(folder=str(tmp_path), failures=9)])
    assert result.status == "failed"
    assert (tmp_path / "attempts").read_text() == "xxxx"


def test_an_error_that_is_not_worth_it_is_not_tried_again(run, tmp_path):
    result = run([WrongKind(folder=str(tmp_path), failures=9)])
    assert result.status == "failed"
    assert (tmp_path / "attempts").read_text() == "x"


def test_what_a_task_says_is_heard(run, tmp_path):
    from rumbo.scheduler.effects import Noted

    heard = []

    class Listener:
        def happened(self, run_id, effects):
            heard.extend((effect.kind, effect.value) for effect in effects if isinstance(effect, Noted))

        def __getattr__(self, name):
            return lambda *args: None

    from rumbo.cli.wiring import Options, execute

    options = Options(workers=run.size, executor=run.kind, history=False)
    assert execute([Talkative(folder=str(tmp_path))], options, [Listener()]).ok
    assert heard == [("message", "busy"), ("progress", "50"), ("tracking_url", "http://somewhere")]


def test_what_tasks_made_is_remembered(run, tmp_path):
    tasks = [Leaf(folder=str(tmp_path), n=1), Asking(folder=str(tmp_path), n=0), AskingLater(folder=str(tmp_path), n=0)]
    assert build(tasks, workers=run.size, executor=run.kind, folder=str(tmp_path))
    with HistoryReader(str(tmp_path / ".rumbo")) as history:
        made = [history.made(task.task_id) for task in tasks]
    assert [artifact.address for each in made for artifact in each.artifacts] == [task.output().path for task in tasks]
    assert made[0].artifacts[0].size == 1


def test_asynchronous_attempts_run_together(run, tmp_path):
    result = run([Meeting(folder=str(tmp_path), n=n) for n in range(12)])
    assert result.ok, result.summary()


def test_events_are_told_where_the_attempt_runs(run, tmp_path):
    @Leaf.event_handler(Event.SUCCESS)
    def write_down(task):
        task.note(f"success {task.n}")

    try:
        run([Leaf(folder=str(tmp_path), n=7)])
    finally:
        Leaf.remove_event_handler(Event.SUCCESS, write_down)
    assert notes(tmp_path, "Leaf") == ["success 7"]


class Circle(_Task):
    def run(self):
        yield Circle2(folder=self.folder)


class Circle2(_Task):
    def requires(self):
        return Circle(folder=self.folder)


def test_asking_for_a_task_that_waits_for_the_asker_is_an_error(run, tmp_path):
    result = run([Circle(folder=str(tmp_path))])
    assert result.status == "failed"
    assert any("circle" in text or "in turn" in text for text in result.failures().values()), result.summary()


class Limited(_Task):
    resources = {"license": 1}

    def run(self):
        path = Path(self.folder, "in-use")
        path.touch(exist_ok=False)
        time.sleep(0.01)
        path.unlink()
        self.write()


def test_a_resource_of_which_there_is_one_is_used_by_one(run, tmp_path):
    assert run([Limited(folder=str(tmp_path), n=n) for n in range(5)]).ok


class Slow(TypedTask):
    folder: str
    task_namespace = "executors"
    timeout = 0.2

    def run(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(0.005)


def test_a_task_that_takes_too_long_is_ended(run, tmp_path):
    result = run([Slow(folder=str(tmp_path))])
    (message,) = result.failures().values()
    assert message == f"executors.Slow(folder={tmp_path}) took longer than its timeout of 0.2 s."


class Killed(_Task):
    def run(self):
        self.note(str(os.getpid()))
        if len(notes(self.folder, "Killed")) <= self.n:
            os.kill(os.getpid(), signal.SIGKILL)
        self.write()


class Fragile(TypedTask):
    folder: str
    task_namespace = "executors"
    retries = 1
    backoff = 0.0

    def output(self):
        return LocalTarget(os.path.join(self.folder, "fragile"))

    def run(self):
        path = Path(self.folder, "once")
        if not path.exists():
            path.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with self.output().open("w") as out:
            out.write("x")


class Leaving(_Task):
    def run(self):
        os._exit(3)


class Starter(_Task):
    """Starts a grandchild and takes too long."""

    worker_timeout = 1

    def run(self):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        self.note(str(process.pid))
        process.wait()


class ParkedThenKilled(_Task):
    def run(self):
        self.note(f"began {os.getpid()}")
        yield KillsItsNeighbour(folder=self.folder)
        self.write()


class KillsItsNeighbour(Fragile):
    """Runs in the only child, where its asker is parked, and takes that child down once."""


class AsksForTheUnknown(_Task):
    def run(self):
        class KnownHereOnly(_Task):
            def run(self):
                self.write()

        yield KnownHereOnly(folder=self.folder)


def test_a_task_that_only_its_own_process_knows_is_a_failure_of_who_asks_for_it(workers, tmp_path):
    result = in_processes([AsksForTheUnknown(folder=str(tmp_path)), *leaves(tmp_path)], workers)
    assert result.counts == {"done": 5, "failed": 1}
    (message,) = result.failures().values()
    assert "which could not be built outside of its process: No task executors.KnownHereOnly." in message


class TellsItsProcess(_Task):
    def run(self):
        self.write(str(os.getpid()))


@pytest.fixture(params=[1, 4])
def workers(request):
    return request.param


def in_processes(tasks, workers, **options):
    return build(tasks, workers=workers, executor="processes", history=False, **options)


def test_a_killed_child_is_one_failed_attempt(workers, tmp_path):
    result = in_processes([Killed(folder=str(tmp_path), n=1), *leaves(tmp_path)], workers)
    (message,) = result.failures().values()
    assert message == (
        f"The process that ran executors.Killed(folder={tmp_path}, n=1) was killed by signal 9 (SIGKILL); "
        "the kernel does that when memory runs out, and people do it with kill -9."
    )
    assert result.counts == {"done": 5, "failed": 1}


def leaves(folder):
    return [Leaf(folder=str(folder), n=n) for n in range(5)]


def test_a_killed_child_is_tried_again_when_the_task_says_so(workers, tmp_path):
    assert in_processes([Fragile(folder=str(tmp_path))], workers).ok


def test_a_child_that_leaves_is_a_failed_attempt(workers, tmp_path):
    result = in_processes([Leaving(folder=str(tmp_path))], workers)
    (message,) = result.failures().values()
    assert message.endswith(
        "ended in the middle of the attempt with exit code 3: something called os._exit() or crashed."
    )


class Halting(TypedTask):
    """Runs, waits long for what it asked for, and runs again."""

    folder: str
    stretch: float
    task_namespace = "executors"
    timeout = 0.6

    def output(self):
        return LocalTarget(os.path.join(self.folder, "halting"))

    def run(self):
        time.sleep(self.stretch)
        yield Pausing(folder=self.folder)
        time.sleep(self.stretch)
        self.output().write_text("x")


class Pausing(_Task):
    def run(self):
        time.sleep(0.7)
        self.write()


def test_while_an_attempt_waits_for_what_it_asked_for_its_time_does_not_run(run, tmp_path):
    assert run([Halting(folder=str(tmp_path), stretch=0.01)])


def test_all_stretches_of_an_attempt_count_together(run, tmp_path):
    task = Halting(folder=str(tmp_path), stretch=0.4)
    result = run([task])
    assert result.failures()[task.task_id].endswith(" took longer than its timeout of 0.6 s.")


def test_a_timeout_ends_what_the_task_started(workers, tmp_path):
    result = in_processes([Starter(folder=str(tmp_path))], workers)
    assert result.status == "failed"
    (pid,) = notes(tmp_path, "Starter")
    assert has_ended(int(pid))


def has_ended(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_parked_attempt_whose_child_died_is_replayed(tmp_path):
    result = in_processes([ParkedThenKilled(folder=str(tmp_path))], workers=1)
    began = notes(tmp_path, "ParkedThenKilled")
    assert len(began) == 2
    assert len(set(began)) == 2
    assert (tmp_path / "ParkedThenKilled-0").exists(), result.summary()


def test_with_recycling_each_attempt_has_a_process_of_its_own(tmp_path):
    tasks = [TellsItsProcess(folder=str(tmp_path), n=n) for n in range(4)]
    assert in_processes(tasks, 2, recycle_after=1).ok
    assert len({task.output().open().read() for task in tasks}) == 4


class Day(core.Task):
    """Days of one shop are loaded together."""

    task_namespace = "executors"
    folder = StrParameter()
    shop = StrParameter()
    day = IntParameter(batch_method=max)

    def output(self):
        return LocalTarget(os.path.join(self.folder, f"{self.shop}-{self.day}"))

    def run(self):
        for day in range(self.day + 1):
            with LocalTarget(os.path.join(self.folder, f"{self.shop}-{day}")).open("w") as out:
                out.write("loaded")
        with open(os.path.join(self.folder, "loads"), "a") as loads:
            loads.write(f"{self.shop}-{self.day}\n")


def test_tasks_that_can_be_batched_are_done_by_one_attempt(run, tmp_path):
    tasks = [Day(folder=str(tmp_path), shop=shop, day=day) for shop in ("a", "b") for day in range(5)]
    result = run(tasks)
    assert result.ok, result.summary()
    assert result.counts == {"done": 10}
    assert len((tmp_path / "loads").read_text().splitlines()) < 10


class Listening(_Task):
    accepts_messages = True

    def run(self):
        message = self.scheduler_messages.get(timeout=5)
        message.respond(f"heard {message}")
        self.write(message.content)


def test_a_running_task_hears_messages_and_answers(run, tmp_path):
    from rumbo.executors.inline import InlineExecutor
    from rumbo.executors.processes import ProcessExecutor
    from rumbo.executors.threads import ThreadExecutor
    from rumbo.ports import Ended, Message, Order, Said
    from rumbo.scheduler.records import Outcome
    from rumbo.worker.attempt import Attempts

    kinds = {
        "inline": lambda: InlineExecutor(Attempts()),
        "threads": lambda: ThreadExecutor(Attempts(), run.size),
        "processes": lambda: ProcessExecutor(Attempts(), run.size),
    }
    task = Listening(folder=str(tmp_path))
    executor = kinds[run.kind]()
    executor.open({task.task_id: task})
    try:
        executor.start(Order("start", 1, (task.task_id,)), task)
        executor.deliver(1, Message("m1", "hello"))
        happened = []
        while not any(isinstance(event, Ended) for event in happened):
            happened += executor.wait(5)
    finally:
        executor.close()
    said, ended = happened
    assert said == Said(1, "reply", '["m1", "heard hello"]')
    assert ended.outcome is Outcome.DONE, ended.message
    assert task.output().open().read() == "hello"


# What attempts print ---------------------------------------------------------------------------------------------


@pytest.fixture
def kept(run, tmp_path, monkeypatch):
    """Runs tasks with their output kept; gives what each printed, by number."""
    monkeypatch.chdir(tmp_path)
    handler = logging.StreamHandler()
    monkeypatch.setattr(logging.getLogger("contract"), "handlers", [handler])

    def run_with(tasks):
        result = build(tasks, workers=run.size, executor=run.kind, capture=True, folder=str(tmp_path))
        assert result, result.summary()
        logs = LogFolder(str(tmp_path / ".rumbo"), result.id)
        return [Path(logs.log_path(task.task_id, 1)).read_text().splitlines() for task in tasks]

    return run_with


def test_what_asynchronous_attempts_print_is_kept_for_each(kept, tmp_path):
    before = sys.stdout, sys.stderr
    printed = kept([PrintingLater(folder=str(tmp_path), n=n) for n in (1, 2)])
    for n, lines in zip((1, 2), printed, strict=True):
        assert lines[0] == f"{n} at the beginning"
        assert sorted(lines[1:3]) == [f"{n} in the log", f"{n} on the other side"]
        assert lines[3:] == ["as bytes", f"{n} in the end"]
    assert (sys.stdout, sys.stderr) == before


def test_what_threads_print_at_the_same_time_is_kept_for_each(kept, run, tmp_path):
    if run.kind != "threads" or run.size == 1:
        pytest.skip("one attempt at a time in a process")
    printed = kept([Printing(folder=str(tmp_path), n=n) for n in (1, 2)])
    for n, lines in zip((1, 2), printed, strict=True):
        assert sorted(lines) == [f"{n} at the beginning", f"{n} in the log", f"{n} on the other side"]
