"""Targets in general, and the local file that travels when it is closed."""

from __future__ import annotations

import os
import pathlib
from typing import IO, Any

import pytest

from rumbo.pipeline.filesystem import FileAlreadyExists, FileSystem
from rumbo.pipeline.local import LocalTarget
from rumbo.pipeline.memory import MemoryFileSystem, MemoryTarget
from rumbo.pipeline.target import AtomicLocalFile, FileSystemTarget, Target, exist


class CountingFileSystem(FileSystem):
    """Knows which paths exist, and notes what it was asked."""

    def __init__(self, *paths: str) -> None:
        self.paths = set(paths)
        self.questions: list[Any] = []

    def exists(self, path: str) -> bool:
        self.questions.append(path)
        return path in self.paths

    def exists_many(self, paths: Any) -> set[str]:
        self.questions.append(list(paths))
        return self.paths.intersection(paths)

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        self.paths.remove(path)


class Place(FileSystemTarget):
    fs: FileSystem = CountingFileSystem()  # type: ignore[assignment]

    def open(self, mode: str) -> IO[Any]:
        raise NotImplementedError


class StubbornPlace(Place):
    def exists(self) -> bool:
        return True


class Always(Target):
    def exists(self) -> bool:
        return True


@pytest.fixture
def fs(monkeypatch: pytest.MonkeyPatch) -> CountingFileSystem:
    fs = CountingFileSystem("a", "c")
    monkeypatch.setattr(Place, "fs", fs)
    return fs


def test_a_target_must_say_whether_it_exists() -> None:
    with pytest.raises(TypeError, match="exists"):
        Target()  # type: ignore[abstract]


def test_a_target_in_a_file_system_must_say_in_which() -> None:
    class Nowhere(FileSystemTarget):
        def open(self, mode: str) -> IO[Any]:
            raise NotImplementedError

    with pytest.raises(TypeError, match="fs"):
        Nowhere("a")  # type: ignore[abstract]


def test_the_path_may_be_a_pathlib_path() -> None:
    target = Place(pathlib.PurePosixPath("a") / "b")
    assert target.path == "a/b"
    assert str(target) == "a/b"
    assert repr(target) == "Place('a/b')"


def test_exists_and_remove_are_the_file_systems(fs: CountingFileSystem) -> None:
    target = Place("a")
    assert target.exists()
    target.remove()
    assert not target.exists()


@pytest.mark.parametrize("path", ["a*", "a?", "a[bc]", "{a,b}"])
def test_a_path_with_wildcards_is_warned_of(
    path: str, fs: CountingFileSystem, caplog: pytest.LogCaptureFixture
) -> None:
    Place(path).exists()
    exist([Place(path)])
    message = (
        f"The path {path} has wildcards: it exists as soon as one file matches, perhaps before all are there. "
        "Give the target an exists() of its own to say when it is whole."
    )
    assert caplog.messages == [message, message]


def test_many_targets_are_one_question_for_each_file_system(fs: CountingFileSystem) -> None:
    assert exist([Place("a"), Place("b"), Place("c"), Place("a")]) == [True, False, True, True]
    assert fs.questions == [["a", "b", "c", "a"]]


def test_targets_with_an_answer_of_their_own_are_asked_themselves(fs: CountingFileSystem) -> None:
    mute = Place("a")
    mute.exists = lambda: False  # type: ignore[method-assign]
    assert exist([Always(), StubbornPlace("b"), mute, Place("c")]) == [True, True, False, True]
    assert fs.questions == [["c"]]


def test_no_targets_are_no_question(fs: CountingFileSystem) -> None:
    assert exist([]) == []
    assert fs.questions == []


def test_targets_of_several_file_systems_keep_their_order(tmp_path: pathlib.Path) -> None:
    MemoryFileSystem().clear()
    for target in (LocalTarget(tmp_path / "a"), MemoryTarget("b")):
        target._touchz()
    targets = [MemoryTarget("b"), LocalTarget(tmp_path / "a"), MemoryTarget("a"), LocalTarget(tmp_path / "b")]
    assert exist(targets) == [True, True, False, False]


def test_a_temporary_path_does_not_replace_a_target_that_came_to_exist(tmp_path: pathlib.Path) -> None:
    target = LocalTarget(tmp_path / "target")
    with pytest.raises(FileAlreadyExists, match="something is there already"), target.temporary_path() as path:
        _write_both(path, target.path)
    assert pathlib.Path(path).read_text() == "text"


def _write_both(*paths: str) -> None:
    for path in paths:
        pathlib.Path(path).write_text("text")


def test_a_temporary_path_stays_after_an_exception_to_be_looked_at(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ZeroDivisionError), LocalTarget(f"{tmp_path}/folder/").temporary_path() as path:
        _fail_in_a_folder(path)
    assert os.path.dirname(path.rstrip("/")) == str(tmp_path)
    assert path.endswith("/")
    assert os.path.isdir(path)


def _fail_in_a_folder(path: str) -> None:
    os.mkdir(path)
    raise ZeroDivisionError


class Parcel(AtomicLocalFile):
    """Travels to a dictionary."""

    destination: dict[str, bytes] = {}

    def move_to_final_destination(self) -> None:
        if self.path == "lost":
            raise OSError("lost on the way")
        self.destination[self.path] = pathlib.Path(self.tmp_path).read_bytes()


def test_an_atomic_file_travels_when_it_is_closed_and_leaves_nothing_behind() -> None:
    parcel = Parcel("there")
    parcel.write(b"content")
    assert os.path.exists(parcel.tmp_path)
    parcel.close()
    assert Parcel.destination == {"there": b"content"}
    assert not os.path.exists(parcel.tmp_path)


def test_an_atomic_file_does_not_travel_after_an_exception() -> None:
    Parcel.destination.clear()
    with pytest.raises(ZeroDivisionError), Parcel("there") as parcel:
        raise ZeroDivisionError
    assert Parcel.destination == {}
    assert not os.path.exists(parcel.tmp_path)


def test_an_atomic_file_that_cannot_travel_leaves_nothing_behind() -> None:
    parcel = Parcel("lost")
    with pytest.raises(OSError, match="lost on the way"):
        parcel.close()
    assert not os.path.exists(parcel.tmp_path)


def test_an_atomic_file_without_a_way_says_so() -> None:
    with pytest.raises(NotImplementedError):
        AtomicLocalFile("there").close()


def test_a_forgotten_file_is_warned_of_and_removed() -> None:
    parcel = Parcel("there")
    path = parcel.tmp_path
    with pytest.warns(ResourceWarning) as warned:
        del parcel
    assert str(warned[0].message) == "there was opened to be written and never closed: nothing was published."
    assert not os.path.exists(path)


def test_a_forked_child_does_not_remove_its_parents_unfinished_file() -> None:
    parcel = Parcel("there")
    child = os.fork()
    if not child:
        parcel.abort()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.path.exists(parcel.tmp_path)
    parcel.close()
