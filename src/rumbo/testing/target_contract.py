"""What every target in a file system must do, as one test class for pytest.

    class TestBucketTarget(TargetContract):
        def create_target(self, name, format=None):
            return BucketTarget(f"bucket/{self.folder.name}/{name}", format=format)

pytest then runs each method below against that target. A target that cannot do something says so by an attribute.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.pipeline import formats
from rumbo.pipeline.target import FileSystemTarget, exist

if TYPE_CHECKING:
    from pathlib import Path

_LARGE = 5_000_000


class Interrupted(BaseException):
    """What ends a write in the middle; not an ``Exception``, as Ctrl-C is not."""


class TargetContract:
    """Subclass it, name the class ``Test...``, and give ``create_target``."""

    #: Whether the file system has ``listdir`` or a ``glob`` of its own.
    can_glob = True
    #: Whether the target has ``move`` and ``copy``.
    can_move = True
    #: Whether ``temporary_path()`` gives a path on this machine.
    has_local_paths = False
    #: Whether what a forked child writes is seen by its parent.
    is_shared_with_children = False

    folder: Path

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def create_target(self, name: str, format: formats.Format | None = None) -> FileSystemTarget:
        """A target of this name, always the same in one test and never the same in two."""
        raise NotImplementedError

    def files_in_store(self) -> list[str]:
        """All that is kept where this test's targets are, whole or not. In ``folder``, unless you say where else."""
        return [str(path) for path in self.folder.rglob("*") if path.is_file()]

    # Existence

    def test_a_target_that_nobody_wrote_does_not_exist(self) -> None:
        assert self._target().exists() is False

    def test_a_target_exists_as_soon_as_it_is_closed(self) -> None:
        stream = self._target().open("w")
        stream.write("text")
        assert not self._target().exists()
        stream.close()
        assert self._target().exists() is True

    def test_many_targets_are_asked_at_once(self) -> None:
        targets = [self.create_target(f"many/{number}") for number in range(10)]
        for target in targets[::2]:
            _write(target, "text")
        assert exist(targets) == [True, False] * 5

    def test_a_removed_target_does_not_exist(self) -> None:
        target = self._written("text")
        target.remove()
        assert not target.exists()

    def test_a_target_prints_as_its_path(self) -> None:
        assert str(self._target()) == self._target().path

    # Reading what was written

    def test_text_comes_back(self) -> None:
        assert _read(self._written("one\ntwo\n")) == "one\ntwo\n"

    def test_lines_come_back_one_by_one(self) -> None:
        with self._written("one\ntwo\nthree").open("r") as stream:
            assert stream.readline() == "one\n"
            assert list(stream) == ["two\n", "three"]

    def test_bytes_come_back(self) -> None:
        everything = bytes(range(256))
        target = self.create_target("bytes", formats.Nop)
        _write(target, everything)
        assert _read(target) == everything

    def test_nothing_written_is_an_empty_target(self) -> None:
        target = self.create_target("empty", formats.Nop)
        with target.open("w"):
            pass
        assert target.exists()
        assert _read(target) == b""

    def test_a_large_target_comes_back(self) -> None:
        block = os.urandom(_LARGE // 10)
        target = self.create_target("large", formats.Nop)
        with target.open("w") as stream:
            for _ in range(10):
                stream.write(block)
        with target.open("r") as stream:
            assert all(stream.read(len(block)) == block for _ in range(10))
            assert stream.read() == b""

    def test_it_tells_where_it_is_whether_it_is_there_or_not(self) -> None:
        target = self.create_target("told")
        before = target.footprint()
        assert "told" in before.address
        _write(target, "four")
        assert target.footprint().address == before.address
        assert target.footprint().size in (None, 4)

    def test_names_and_text_may_be_in_any_script(self) -> None:
        target = self.create_target("año/Ωmega 数据.txt", formats.UTF8)
        _write(target, "ñandú Ω 数据 🦙")
        assert target.exists()
        assert _read(target) == "ñandú Ω 数据 🦙"

    @pytest.mark.parametrize("name", ["Gzip", "Bzip2", "Zstd"])
    def test_compressed_text_comes_back(self, name: str) -> None:
        format = formats.UTF8 >> getattr(formats, name)
        target = self.create_target(f"compressed.{name}", format)
        _write(target, "línea\n" * 1000)
        assert _read(target) == "línea\n" * 1000
        assert len(_read(self.create_target(f"compressed.{name}", formats.Nop))) < 1000

    def test_reading_may_stop_early(self) -> None:
        target = self.create_target("partly", formats.UTF8 >> formats.Gzip)
        _write(target, "line\n" * 100_000)
        with target.open("r") as stream:
            assert stream.readline() == "line\n"

    def test_a_missing_target_cannot_be_read(self) -> None:
        with pytest.raises(FileNotFoundError):
            self._target().open("r")

    def test_appending_is_refused(self) -> None:
        with pytest.raises(Exception, match="mode must be 'r' or 'w'"):
            self._target().open("a")

    # Whole or not at all

    def test_writing_again_replaces_all(self) -> None:
        self._written("a long first text")
        assert _read(self._written("short")) == "short"

    @pytest.mark.parametrize("name", ["Text", "Nop", "Gzip", "Bzip2", "Zstd", "SysNewLine"])
    def test_a_write_that_is_interrupted_leaves_nothing(self, name: str) -> None:
        format = getattr(formats, name)
        target = self.create_target("interrupted", format)
        content = "half" if name == "Text" else b"half"
        with pytest.raises(Interrupted):
            _begin_to_write(target, content)
        assert not target.exists()
        self._assert_nothing_is_left()

    def test_a_write_that_is_interrupted_leaves_the_previous_content(self) -> None:
        target = self._written("whole")
        with pytest.raises(Interrupted):
            _begin_to_write(target, "half")
        assert _read(target) == "whole"

    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    @pytest.mark.parametrize("name", ["Text", "Nop", "Gzip", "Bzip2", "Zstd", "SysNewLine"])
    def test_a_write_that_is_never_closed_leaves_nothing(self, name: str) -> None:
        target = self.create_target("forgotten", getattr(formats, name))
        stream = target.open("w")
        stream.write("half" if name == "Text" else b"half")
        del stream
        assert not target.exists()
        self._assert_nothing_is_left()

    def test_closing_twice_is_closing_once(self) -> None:
        stream = self._target().open("w")
        stream.write("text")
        stream.close()
        stream.close()
        assert _read(self._target()) == "text"

    def test_two_writers_at_once_do_not_mix(self) -> None:
        first, second = self._target().open("w"), self._target().open("w")
        first.write("first " * 10_000)
        second.write("second " * 10_000)
        second.close()
        assert _read(self._target()) == "second " * 10_000
        first.close()
        assert _read(self._target()) == "first " * 10_000

    def test_two_processes_that_write_at_once_do_not_mix(self) -> None:
        if not (self.is_shared_with_children and hasattr(os, "fork")):
            pytest.skip("children of this process do not share this target")
        self._target().exists()
        children = [_forked(self._write_often, letter) for letter in "ab"]
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
        assert _read(self._target()) in ("a" * 100_000, "b" * 100_000)

    def _write_often(self, letter: str) -> None:
        for _ in range(10):
            _write(self._target(), letter * 100_000)

    # A path instead of an open file

    def test_a_temporary_path_becomes_the_target(self) -> None:
        self._needs_local_paths()
        target = self.create_target("folder/target")
        with target.temporary_path() as path:
            with open(path, "w") as stream:
                stream.write("text")
            assert not target.exists()
        assert _read(target) == "text"

    def test_a_temporary_path_after_an_exception_is_not_the_target(self) -> None:
        self._needs_local_paths()
        with pytest.raises(Interrupted):
            _begin_to_write_path(self._target())
        assert not self._target().exists()

    # Moving, copying, listing

    def test_a_moved_target_is_elsewhere(self) -> None:
        target, other = self._two()
        target.move(other.path)
        assert not target.exists()
        assert _read(other) == "text"

    def test_a_copied_target_is_in_both_places(self) -> None:
        target, other = self._two()
        target.copy(other.path)
        assert _read(target) == _read(other) == "text"

    def test_moving_and_copying_can_refuse_to_replace(self) -> None:
        target, other = self._two()
        _write(other, "kept")
        with pytest.raises(Exception, match="something is there already"):
            target.move(other.path, raise_if_exists=True)
        with pytest.raises(Exception, match="something is there already"):
            target.copy(other.path, raise_if_exists=True)
        assert _read(target) == "text"
        assert _read(other) == "kept"

    def test_a_pattern_finds_what_is_whole(self) -> None:
        if not self.can_glob:
            pytest.skip("this file system cannot list")
        names = ["2024-01-01.csv", "2024-01-02.csv", "2024-02-01.csv", "readme"]
        targets = {name: self.create_target(f"days/{name}") for name in names}
        for target in targets.values():
            _write(target, "text")
        unfinished = self.create_target("days/2024-01-03.csv").open("w")
        folder, fs = targets["readme"].path.removesuffix("readme"), targets["readme"].fs
        january = [targets[name].path for name in names[:2]]
        assert fs.glob(f"{folder}2024-01-*") == january
        assert fs.glob(f"{folder}2024-01-0[12].csv") == january
        assert fs.glob(f"{folder}2024-01-0?.csv*") == january
        assert fs.glob(f"{folder}*.parquet") == []
        unfinished.close()
        assert len(fs.glob(f"{folder}*")) == 5

    # What the tests share

    def _target(self) -> FileSystemTarget:
        return self.create_target("target")

    def _written(self, text: str) -> FileSystemTarget:
        target = self._target()
        _write(target, text)
        return target

    def _two(self) -> tuple[Any, Any]:
        if not self.can_move:
            pytest.skip("this target cannot move or copy")
        return self._written("text"), self.create_target("elsewhere/target")

    def _needs_local_paths(self) -> None:
        if not self.has_local_paths:
            pytest.skip("this target's temporary paths are not on this machine")

    def _assert_nothing_is_left(self) -> None:
        assert self.files_in_store() == []


def _write(target: FileSystemTarget, content: str | bytes) -> None:
    with target.open("w") as stream:
        stream.write(content)


def _begin_to_write(target: FileSystemTarget, content: str | bytes) -> None:
    with target.open("w") as stream:
        stream.write(content)
        raise Interrupted


def _begin_to_write_path(target: FileSystemTarget) -> None:
    with target.temporary_path() as path:
        with open(path, "w") as stream:
            stream.write("half")
        raise Interrupted


def _read(target: FileSystemTarget) -> Any:
    with target.open("r") as stream:
        return stream.read()


def _forked(function: Any, *args: Any) -> int:
    child = os.fork()
    if child:
        return child
    try:
        function(*args)
    except BaseException:  # noqa: BLE001 (whatever it was, the parent reads it from the status)
        os._exit(1)
    os._exit(0)
