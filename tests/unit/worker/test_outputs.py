"""What tasks have made, as a line for the record: short, quick, without secrets, and never in a task's way."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest

import rumbo.pipeline.task as core
from rumbo.errors import AttemptCancelled, AttemptTimedOut
from rumbo.pipeline.local import LocalDirectoryTarget, LocalTarget
from rumbo.pipeline.memory import MemoryTarget
from rumbo.pipeline.parameter import ParameterVisibility
from rumbo.pipeline.parameters.scalars import StrParameter
from rumbo.pipeline.target import FileSystemTarget, Target
from rumbo.scheduler.records import Outcome
from rumbo.worker.attempt import Attempts, Rules
from rumbo.worker.outputs import MOST, Recorder, without_credentials


class _Task(core.Task):
    task_namespace = "outputs"
    path = StrParameter("")

    def run(self) -> None:
        with self.output().open("w") as out:
            out.write("four")


class File(_Task):
    def output(self) -> Any:
        return LocalTarget(self.path)


class Silence:
    def say(self, lease: int, kind: str, value: str) -> None: ...

    def hear(self, lease: int, timeout: float | None) -> None: ...


def told(task: core.Task) -> list[Any]:
    line = Recorder().line_of(task)
    return json.loads(line) if line else []


def attempt(task: core.Task, **rules: Any) -> Any:
    return Attempts(Rules(record=True, **rules)).start(1, task, Silence())


def test_a_file_is_told_with_its_absolute_path_its_size_and_its_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    ended = attempt(File("day.csv"))

    written = round(os.stat("day.csv").st_mtime, 3)
    assert ended.outcome is Outcome.DONE
    assert json.loads(ended.outputs) == [[str(tmp_path / "day.csv"), 4, written]]


def test_nobody_is_asked_when_nobody_keeps_it(tmp_path):
    assert Attempts().start(1, File(str(tmp_path / "day.csv")), Silence()).outputs == ""


def test_a_folder_has_no_size_and_the_time_of_its_flag(tmp_path):
    class Folder(_Task):
        def output(self) -> Any:
            return LocalDirectoryTarget(self.path)

    (tmp_path / "_SUCCESS").touch()
    os.utime(tmp_path / "_SUCCESS", (5, 5))
    assert told(Folder(str(tmp_path))) == [[str(tmp_path), None, 5.0]]


def test_what_is_not_there_is_told_by_its_address(tmp_path):
    assert told(File(str(tmp_path / "none"))) == [[str(tmp_path / "none"), None, None]]


def test_targets_of_any_kind_have_an_address():
    class Known(Target):
        def __repr__(self) -> str:
            return "Known('table', 7)"

        def exists(self) -> bool:
            return True

    class Store(FileSystemTarget):
        fs: Any = None

        def open(self, mode: str) -> Any: ...

    class Stranger:
        """A target of Luigi's programs need not be one of ours."""

        path = "/there/it is"

        def exists(self) -> bool:
            return True

    class Anything(_Task):
        def output(self) -> Any:
            memory, far = MemoryTarget("a/b"), Store("s3://bucket/key")
            return {"all": [Known(), Store("/blob"), far, memory, Stranger()], "none": []}

    assert [address for address, _, _ in told(Anything())] == [
        "Known('table', 7)",
        "Store('/blob')",
        "s3://bucket/key",
        "memory://a/b",
        "Stranger('/there/it is')",
    ]


def test_a_task_without_outputs_says_nothing():
    class Nothing(core.Task):
        task_namespace = "outputs"

    assert told(Nothing()) == []


def test_what_is_beyond_the_limit_is_counted():
    class Many(_Task):
        def output(self) -> Any:
            return [MemoryTarget(f"{number}") for number in range(MOST + 7)]

    line = told(Many())
    assert len(line) == MOST + 1
    assert line[-1] == 7


def test_names_that_are_no_text_survive(tmp_path):
    path = os.fsdecode(os.fsencode(str(tmp_path)) + b'/\xff"<b>\n.csv')
    assert told(File(path))[0][0] == path


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
        ("ftp://ana:geheim@host/x", "ftp://***@host/x"),
        ("ftp://ana:ge/he@im@host/x", "ftp://***@host/x"),
        ("https://ghp_token@host:8080/x", "https://***@host:8080/x"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
        ("https://host/x?sig=s3cret&X-Amz-Date=1#top", "https://host/x?sig=***&X-Amz-Date=***#top"),
        ("Sql('postgresql://ana:geheim@host/db', 'table', 7)", "Sql('postgresql://***@host/db', 'table', 7)"),
        ("Mine(host='h', password='ge,heim', api_key=\"x y\", n=1)", "Mine(host='h', password=***, api_key=***, n=1)"),
    ],
)
def test_nothing_that_proves_who_somebody_is_is_written_down(address, shown):
    assert without_credentials(address) == shown


def test_parameters_that_are_not_public_are_masked():
    class Secret(_Task):
        code = StrParameter(visibility=ParameterVisibility.PRIVATE)
        host = StrParameter("hidden-host", visibility=ParameterVisibility.HIDDEN)

        def output(self) -> Any:
            return [LocalTarget(f"/data/{self.code}/x.csv"), MemoryTarget(f"{self.host}/{self.path}")]

    lines = told(Secret("in-sight", code="open-sesame"))
    assert [address for address, _, _ in lines] == ["/data/***/x.csv", "memory://***/in-sight"]


@pytest.mark.parametrize("error", [SystemExit(3), AttemptTimedOut("too late"), AttemptCancelled("no more")])
def test_whatever_comes_while_it_is_asked_the_task_is_done(error):
    class Late(_Task):
        def run(self) -> None: ...

        def complete(self) -> bool:
            return True

        def output(self) -> Any:
            raise error

    assert attempt(Late()).outcome is Outcome.DONE


class Fickle(_Task):
    """Its `output()` has nothing to do with whether it is complete."""

    asked = 0
    slow = 0.0

    def run(self) -> None: ...

    def complete(self) -> bool:
        return True

    def output(self) -> Any:
        import time

        type(self).asked += 1
        if not self.slow:
            raise ConnectionError("no way to the catalogue")
        time.sleep(self.slow)
        return MemoryTarget("late")


def test_an_output_that_raises_changes_nothing_and_is_told_once(caplog):
    caplog.set_level(logging.WARNING, "rumbo")
    attempts = Attempts(Rules(record=True))

    ends = [attempts.start(number, Fickle(f"{number}"), Silence()) for number in (1, 2)]

    assert [(end.outcome, end.outputs) for end in ends] == [(Outcome.DONE, "")] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "Fickle.output() raised ConnectionError: no way to the catalogue when it was asked what "
        "outputs.Fickle(path=1) has made: the history does not tell of its outputs."
    ]


def test_a_slow_output_is_not_asked_again(caplog, monkeypatch):
    monkeypatch.setattr("rumbo.worker.outputs._SLOW", 0.01)
    monkeypatch.setattr(Fickle, "slow", 0.02)
    monkeypatch.setattr(Fickle, "asked", 0)
    recorder = Recorder()

    lines = [recorder.line_of(Fickle(f"{number}")) for number in (3, 4)]

    assert lines == ['[["memory://late",null,null]]', ""]
    assert Fickle.asked == 1
    assert len(caplog.records) == 1
