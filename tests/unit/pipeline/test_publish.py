"""Several outputs appear together or not at all, whatever comes in between."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import TargetError
from rumbo.pipeline.formats import Gzip, Nop
from rumbo.pipeline.local import LocalDirectoryTarget, LocalFileSystem, LocalTarget
from rumbo.pipeline.memory import MemoryFileSystem, MemoryTarget
from rumbo.pipeline.publish import publish, recover

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def three(tmp_path: pathlib.Path) -> list[LocalTarget]:
    return [LocalTarget(tmp_path / name) for name in ("a", "folder/b", "c")]


def contents(targets: list[Any]) -> list[str | None]:
    return [read(target) if target.exists() else None for target in targets]


def read(target: Any) -> str:
    with target.open("r") as file:
        return str(file.read())


def put(targets: list[Any], text: str) -> None:
    with publish(*targets) as files:
        for file in files:
            file.write(text)


def files_in(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def renames(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Calls ``before(number)`` ahead of each rename of the local file system."""

    class Renames:
        number = 0

        def before(self, number: int) -> None:
            """Nothing, unless a test puts something here."""

    renames = Renames()
    move = LocalFileSystem.move

    def counted(self: LocalFileSystem, *arguments: Any, **options: Any) -> None:
        renames.number += 1
        renames.before(renames.number)
        move(self, *arguments, **options)

    monkeypatch.setattr(LocalFileSystem, "move", counted)
    return renames


def fail_at(*numbers: int) -> Any:
    def before(number: int) -> None:
        if number in numbers:
            raise PermissionError(f"rename {number}")

    return before


def killed_at(rename: int, renames: Any, targets: list[Any], text: str) -> None:
    """Publish in a child that is killed just before one of its renames."""

    def before(number: int) -> None:
        if number == rename:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        renames.before = before
        put(targets, text)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


# The block


def test_nothing_is_seen_before_the_end_of_the_block(three: list[LocalTarget], tmp_path: pathlib.Path) -> None:
    with publish(*three) as (a, b, c):
        for file in (a, b, c):
            file.write("text")
        a.close()
        assert contents(three) == [None, None, None]
    assert contents(three) == ["text", "text", "text"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def test_an_exception_in_the_block_publishes_nothing(three: list[LocalTarget], tmp_path: pathlib.Path) -> None:
    with pytest.raises(KeyboardInterrupt), publish(*three) as (a, _, _):
        _write_and_interrupt(a)
    assert files_in(tmp_path) == []
    put(three, "old")
    with pytest.raises(KeyboardInterrupt), publish(*three) as (a, _, _):
        _write_and_interrupt(a)
    assert contents(three) == ["old", "old", "old"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def _write_and_interrupt(file: Any) -> None:
    file.write("half")
    file.close()
    raise KeyboardInterrupt


def test_a_file_that_cannot_be_finished_publishes_nothing(tmp_path: pathlib.Path) -> None:
    class Unfinishable(type(Nop)):  # type: ignore[misc]
        def pipe_writer(self, output_pipe: Any) -> Any:
            output_pipe.move_to_final_destination = _fail
            return output_pipe

    with (
        pytest.raises(ZeroDivisionError),
        publish(LocalTarget(tmp_path / "a"), LocalTarget(tmp_path / "b", Unfinishable()), LocalTarget(tmp_path / "c")),
    ):
        pass
    assert files_in(tmp_path) == []


def _fail() -> None:
    raise ZeroDivisionError


def test_each_target_is_written_in_its_own_format(tmp_path: pathlib.Path) -> None:
    with publish(LocalTarget(tmp_path / "a", Nop), LocalTarget(tmp_path / "b", Gzip)) as (a, b):
        a.write(b"bytes")
        b.write(b"bytes")
    assert (tmp_path / "a").read_bytes() == b"bytes"
    assert (tmp_path / "b").read_bytes()[:2] == b"\x1f\x8b"


def test_paths_instead_of_files(three: list[LocalTarget], tmp_path: pathlib.Path) -> None:
    with publish(*three, paths=True) as paths:
        for path in paths:
            pathlib.Path(path).write_text("text")
        assert contents(three) == [None, None, None]
    assert contents(three) == ["text", "text", "text"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def test_a_path_that_was_not_written_publishes_nothing(three: list[LocalTarget], tmp_path: pathlib.Path) -> None:
    with pytest.raises(TargetError) as error, publish(*three, paths=True) as paths:
        pathlib.Path(paths[0]).write_text("text")
    assert str(error.value) == (
        f"Nothing was published: {three[1].path} was not written. "
        f"Write it to the path that publish() gave for it ({paths[1]})."
    )
    assert files_in(tmp_path) == []


def test_folders_and_files_together(tmp_path: pathlib.Path) -> None:
    folder, file = LocalDirectoryTarget(tmp_path / "parts"), LocalTarget(tmp_path / "index")
    for text in ("first", "second"):
        with publish(folder, file, paths=True) as (folder_path, file_path):
            os.mkdir(folder_path)
            pathlib.Path(folder_path, text).write_text(text)
            pathlib.Path(file_path).write_text(text)
        assert folder.exists()
        assert files_in(tmp_path) == ["index", "parts/_SUCCESS", f"parts/{text}"]


def test_relative_paths_in_the_working_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put([LocalTarget("a"), LocalTarget("b")], "text")
    with publish(LocalTarget("c"), paths=True) as (path,):
        pathlib.Path(path).write_text("text")
    assert files_in(tmp_path) == ["a", "b", "c"]


# What cannot be


def test_no_targets() -> None:
    with pytest.raises(TargetError) as error:
        publish()
    assert str(error.value) == "publish() needs the targets that shall appear together."


def test_one_target_twice() -> None:
    with pytest.raises(TargetError) as error:
        publish(LocalTarget("a"), LocalTarget("b"), LocalTarget("a"))
    assert str(error.value) == "publish() got the target a twice."


def test_targets_of_two_file_systems() -> None:
    with pytest.raises(TargetError) as error:
        publish(LocalTarget("a"), MemoryTarget("b"))
    assert str(error.value) == (
        "publish() got targets of LocalFileSystem and MemoryFileSystem: only those of one file system can appear "
        "together. Publish each file system's own, and last the one that says that all is there."
    )


# A rename that fails


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failed_rename_takes_all_back(
    number: int, three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    renames.before = fail_at(number)
    with pytest.raises(PermissionError, match=f"rename {number}"):
        put(three, "new")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_a_failed_rename_brings_the_previous_content_back(
    number: int, three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    put(three, "old")
    renames.number = 0
    renames.before = fail_at(number)
    with pytest.raises(PermissionError):
        put(three, "new")
    assert contents(three) == ["old", "old", "old"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def test_at_no_moment_do_all_exist_from_different_publications(three: list[LocalTarget], renames: Any) -> None:
    put(three, "old")
    seen = []
    renames.before = lambda number: seen.append(contents(three))
    put(three, "new")
    assert all(None in moment or len(set(moment)) == 1 for moment in seen)
    assert all(moment[-1] is None for moment in seen[1:])
    assert contents(three) == ["new", "new", "new"]


# A writer that is killed


@pytest.mark.parametrize("rename", [1, 2, 3])
def test_after_a_kill_between_first_renames_the_set_is_not_whole_until_it_is_recovered(
    rename: int, three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    killed_at(rename, renames, three, "new")
    assert not three[-1].exists()
    assert recover(*three) is True
    assert contents(three) == ["new", "new", "new"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]
    assert recover(*three) is False


@pytest.mark.parametrize("rename", [2, 3, 4, 5, 6])
def test_after_a_kill_while_replacing_the_set_is_not_whole_until_it_is_recovered(
    rename: int, three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    put(three, "old")
    renames.number = 0
    killed_at(rename, renames, three, "new")
    assert not three[-1].exists()
    assert recover(*three) is True
    assert contents(three) == ["new", "new", "new"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def test_the_next_publication_finishes_the_killed_one_first(
    three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    killed_at(2, renames, three, "killed")
    with publish(*three) as files:
        assert contents(three) == ["killed", "killed", "killed"]
        for file in files:
            file.write("next")
    assert contents(three) == ["next", "next", "next"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def test_a_recovery_that_is_killed_is_finished_by_the_next(
    three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    put(three, "old")
    renames.number = 0
    killed_at(4, renames, three, "new")
    child = os.fork()
    if not child:
        renames.number = 0
        renames.before = lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == 2 else None
        recover(*three)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert not three[-1].exists()
    assert recover(*three)
    assert contents(three) == ["new", "new", "new"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


def test_a_killed_publication_that_somebody_cleaned_up_is_undone(
    three: list[LocalTarget], tmp_path: pathlib.Path, renames: Any
) -> None:
    put(three, "old")
    renames.number = 0
    killed_at(5, renames, three, "new")
    three[0].remove()
    assert recover(*three)
    assert contents(three) == ["old", "old", "old"]
    assert files_in(tmp_path) == ["a", "c", "folder/b"]


@pytest.mark.parametrize("content", ["", '[["/a", "/'])
def test_a_journal_whose_writer_was_killed_before_the_first_rename_is_removed(
    content: str, three: list[LocalTarget], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "c-luigi-tmp-publication").write_text(content)
    assert recover(*three) is False
    assert files_in(tmp_path) == []


# Two at once


def test_two_writers_of_a_set_take_turns(tmp_path: pathlib.Path) -> None:
    targets = [LocalTarget(tmp_path / name) for name in "abc"]
    children = []
    for letter in "xyz":
        child = os.fork()
        if not child:
            for _ in range(20):
                put(targets, letter)
            os._exit(0)
        children.append(child)
    assert {os.waitpid(child, 0)[1] for child in children} == {0}
    assert len(set(contents(targets))) == 1
    assert files_in(tmp_path) == ["a", "b", "c"]


def test_a_living_writer_is_waited_for(three: list[LocalTarget], renames: Any) -> None:
    renaming, go_on = threading.Event(), threading.Event()

    def before(number: int) -> None:
        if number == 2:
            renaming.set()
            go_on.wait()

    renames.before = before
    first = threading.Thread(target=put, args=(three, "first"))
    first.start()
    renaming.wait()
    answers: list[bool] = []
    second = threading.Thread(target=lambda: answers.append(recover(*three)))
    second.start()
    second.join(0.02)
    assert answers == []
    go_on.set()
    first.join()
    second.join()
    assert answers == [False]
    assert contents(three) == ["first", "first", "first"]


# Elsewhere


def test_targets_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    MemoryFileSystem().clear()
    targets = [MemoryTarget(name) for name in "abc"]
    put(targets, "old")
    assert recover(*targets) is False
    move = MemoryFileSystem.move

    def failing(self: MemoryFileSystem, path: str, dest: str, raise_if_exists: bool = False) -> None:
        if dest == "b" and path != "b" and fs.get_data(path) == b"new":
            raise PermissionError
        move(self, path, dest, raise_if_exists)

    fs = MemoryFileSystem()
    monkeypatch.setattr(MemoryFileSystem, "move", failing)
    with pytest.raises(PermissionError):
        put(targets, "new")
    assert dict(fs.get_all_data()) == {"a": b"old", "b": b"old", "c": b"old"}
    monkeypatch.undo()
    put(targets, "new")
    assert dict(fs.get_all_data()) == {"a": b"new", "b": b"new", "c": b"new"}
    fs.clear()
