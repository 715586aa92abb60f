"""Targets in memory, and how processes share them."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import TargetError
from rumbo.pipeline import memory
from rumbo.pipeline.filesystem import FileAlreadyExists
from rumbo.pipeline.formats import Gzip, Nop
from rumbo.pipeline.memory import MemoryFileSystem, MemoryTarget, SharedData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

fs = MemoryFileSystem()


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    fs.clear()
    yield
    fs.clear()


def in_child(function: Callable[[], object]) -> None:
    """Run a function in a forked child, to its end."""
    child = os.fork()
    if not child:
        try:
            function()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def put(path: str, text: str = "text") -> MemoryTarget:
    target = MemoryTarget(path)
    with target.open("w") as stream:
        stream.write(text)
    return target


# The target


def test_the_path_may_be_any_text_or_path() -> None:
    assert MemoryTarget(pathlib.PurePosixPath("a/b")).path == "a/b"
    assert put("any text: at all?").exists()


def test_what_is_written_is_to_be_seen_as_bytes() -> None:
    with MemoryTarget("a", format=Gzip).open("w") as stream:
        stream.write(b"text")
    put("b", "ñ")
    assert fs.get_data("a")[:2] == b"\x1f\x8b"
    assert fs.get_all_data()["b"] == "ñ".encode()
    assert sorted(fs.get_all_data()) == ["a", "b"]


def test_a_missing_target_cannot_be_read() -> None:
    with pytest.raises(FileNotFoundError) as error:
        MemoryTarget("a").open("r")
    assert str(error.value) == "There is no memory target 'a'."


def test_other_modes_are_refused() -> None:
    with pytest.raises(TargetError) as error:
        MemoryTarget("a").open("a")
    assert str(error.value) == "a cannot be opened with mode 'a': mode must be 'r' or 'w'."


def test_lines_can_be_mirrored_with_their_path(capsys: pytest.CaptureFixture[str]) -> None:
    with MemoryTarget("a", mirror_on_stderr=True).open("w") as stream:
        stream.write("one\ntwo\n")
    with MemoryTarget("b", mirror_on_stderr=True, format=Nop).open("w") as stream:
        for piece in (b"th", b"ree\n", b"four"):
            stream.write(piece)
    put("c")
    assert capsys.readouterr().err == "a: one\na: two\nb: three\nb: four"


def test_a_target_can_be_renamed() -> None:
    target = put("a")
    target.rename("b")
    assert sorted(fs.get_all_data()) == ["b"]


# The file system


def test_removing_takes_what_is_below_and_nothing_beside() -> None:
    for path in ("a/1", "a/10", "a/1/x", "b"):
        put(path)
    fs.remove("a/1")
    assert sorted(fs.get_all_data()) == ["a/10", "b"]
    fs.remove("a/")
    assert sorted(fs.get_all_data()) == ["b"]


def test_removing_one_path_that_is_missing_is_an_error() -> None:
    fs.remove("a")
    with pytest.raises(KeyError):
        fs.remove("a", recursive=False)
    put("a")
    fs.remove("a", recursive=False)
    assert not fs.exists("a")


def test_folders_are_what_paths_begin_with() -> None:
    put("a/b")
    fs.mkdir("c")
    assert fs.isdir("a")
    assert not fs.isdir("c")
    assert fs.listdir("a") == ["a/b"]
    assert fs.exists_many(["a/b", "a", "c"]) == {"a/b"}


def test_moving_and_copying() -> None:
    put("a", "A")
    put("b", "B")
    for act in (fs.copy, fs.move):
        with pytest.raises(RuntimeError, match="something is there already"):
            act("a", "b", raise_if_exists=True)
    with pytest.raises(FileAlreadyExists):
        fs.rename_dont_move("a", "b")
    fs.copy("a", "c")
    fs.move("a", "b")
    assert dict(fs.get_all_data()) == {"b": b"A", "c": b"A"}


# Sharing


def test_what_a_child_writes_its_parent_sees() -> None:
    in_child(lambda: put("a", "from the child"))
    assert MemoryTarget("a").open("r").read() == "from the child"


def test_what_a_parent_writes_later_its_child_sees() -> None:
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.read(readable, 1)
        os._exit(0 if MemoryTarget("a").exists() else 1)
    put("a")
    os.write(writable, b".")
    assert os.waitpid(child, 0)[1] == 0
    os.close(readable)
    os.close(writable)


def test_children_share_also_when_nothing_was_asked_before_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryFileSystem, "_data", None)
    in_child(lambda: put("a"))
    assert MemoryTarget("a").exists()


def test_what_a_child_removes_is_gone() -> None:
    put("a")
    in_child(lambda: MemoryTarget("a").remove())
    assert not MemoryTarget("a").exists()
    put("b")
    in_child(fs.clear)
    assert not MemoryTarget("b").exists()
    in_child(lambda: put("c"))
    assert list(fs.get_all_data()) == ["c"]


def test_children_that_write_at_once_lose_nothing() -> None:
    def write_many(letter: str) -> None:
        for number in range(200):
            fs.get_all_data()[f"{letter}{number}"] = letter.encode() * number

    children = []
    for letter in "abcd":
        child = os.fork()
        if not child:
            write_many(letter)
            os._exit(0)
        children.append(child)
    assert {os.waitpid(child, 0)[1] for child in children} == {0}
    assert len(fs.get_all_data()) == 800
    assert fs.get_data("c150") == b"c" * 150


def test_a_writer_that_is_killed_in_the_middle_changes_nothing_and_locks_out_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put("a", "whole")

    def write_half(file: int, data: bytes, offset: int) -> None:
        os.pwrite(file, data[: len(data) // 2], offset)
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        monkeypatch.setattr(memory, "_write_all", write_half)
        put("a", "never")
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert fs.get_data("a") == b"whole"
    put("b", "after")
    assert dict(fs.get_all_data()) == {"a": b"whole", "b": b"after"}


def test_a_fork_while_another_thread_holds_the_lock_does_not_hang_the_child() -> None:
    data = fs.get_all_data()
    assert isinstance(data, SharedData)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        data._threads.acquire()
        held.set()
        release.wait()
        data._threads.release()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        signal.alarm(5)
        put("a")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    release.set()
    thread.join()
    assert MemoryTarget("a").exists()


def test_threads_that_write_at_once_lose_nothing() -> None:
    data = SharedData()

    def write_many(letter: str) -> None:
        for number in range(200):
            data[f"{letter}{number}"] = b"x"

    threads = [threading.Thread(target=write_many, args=letter) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(data) == 600


# The mapping


def test_the_data_is_a_mapping() -> None:
    data = SharedData()
    data["a"] = b"A"
    data["b"] = {"any": "value"}
    data["\udcff"] = b""
    assert repr(data) == repr({"a": b"A", "b": {"any": "value"}, "\udcff": b""})
    assert data.copy() == dict(data)
    assert data.pop("a") == b"A"
    assert data.pop("a", None) is None
    assert "a" not in data
    assert 1 not in data
    for missing in (lambda: data["a"], lambda: data.pop("a"), lambda: data.__delitem__("a")):
        with pytest.raises(KeyError):
            missing()
    data.close()
    data.close()


def test_what_was_replaced_does_not_fill_the_memory_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_WORTH_COMPACTING", 1000)
    data = SharedData()
    data["kept"] = b"kept"
    in_child(lambda: data.__setitem__("child", b"child"))
    for number in range(1000):
        data["a"] = b"%100d" % number
    assert os.fstat(data._file).st_size < 4000
    assert dict(data) == {"kept": b"kept", "child": b"child", "a": b"%100d" % 999}


def test_a_child_follows_when_its_parent_has_compacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_WORTH_COMPACTING", 1000)
    data: Any = SharedData()
    data["a"] = b""

    def replace_often() -> None:
        for number in range(100):
            data["a"] = b"%100d" % number

    in_child(replace_often)
    assert dict(data) == {"a": b"%100d" % 99}


def test_a_system_without_anonymous_files_uses_one_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    data = SharedData()
    data["a"] = b"A"
    in_child(lambda: data.__setitem__("b", b"B"))
    assert dict(data) == {"a": b"A", "b": b"B"}


def test_a_replaced_exists_is_asked_in_bulk_questions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryFileSystem, "exists", lambda self, path: path == "/b")
    assert MemoryFileSystem().exists_many(["/a", "/b"]) == {"/b"}


def test_removing_the_empty_path_removes_everything() -> None:
    with MemoryTarget("/somewhere").open("w") as out:
        out.write("x")
    MemoryFileSystem().remove("")
    assert not MemoryTarget("/somewhere").exists()


def test_a_mode_that_is_no_text_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"^/a cannot be opened with mode None: mode must be 'r' or 'w'\.$"):
        MemoryTarget("/a").open(None)  # type: ignore[arg-type]
