"""Local files and folders: nothing half-written is ever seen, whatever ends the writer."""

from __future__ import annotations

import errno
import os
import pathlib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import TargetError
from rumbo.pipeline import local
from rumbo.pipeline.filesystem import FileAlreadyExists, MissingParentDirectory, NotADirectory
from rumbo.pipeline.formats import Gzip, Nop, Text
from rumbo.pipeline.local import LocalDirectoryTarget, LocalFileSystem, LocalTarget

if TYPE_CHECKING:
    from collections.abc import Callable

fs = LocalFileSystem()


def names(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def killed_in_the_middle(act: Callable[[Callable[[], None]], None]) -> None:
    """Run ``act`` in a child, and kill the child when ``act`` calls its argument."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:

        def stop_here() -> None:
            os.write(writable, b".")
            signal.pause()

        act(stop_here)
        os._exit(0)
    os.close(writable)
    os.read(readable, 1)
    os.close(readable)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


# Files


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "ours")._touchz()
    (tmp_path / "theirs").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


def test_folders_above_a_file_are_made(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "a/b/c")._touchz()
    assert (tmp_path / "a/b/c").exists()


def test_makedirs_makes_the_folders_above(tmp_path: pathlib.Path) -> None:
    for _ in range(2):
        LocalTarget(tmp_path / "a/b/c").makedirs()
    assert names(tmp_path) == ["a", "a/b"]


def test_while_it_is_written_a_file_lies_beside_its_place(tmp_path: pathlib.Path) -> None:
    with LocalTarget(tmp_path / "a").open("w") as stream:
        [name] = names(tmp_path)
        assert name.startswith("a-luigi-tmp-")
        assert stream.tmp_path == str(tmp_path / name)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("mode", ["wb", "wt", "bw"])
def test_letters_for_bytes_and_text_are_taken_and_mean_nothing(tmp_path: pathlib.Path, mode: str) -> None:
    target = LocalTarget(tmp_path / "a")
    with target.open(mode) as stream:
        stream.write("text")
    with target.open(mode.replace("w", "r")) as stream:
        assert stream.read() == "text"


@pytest.mark.parametrize("mode", ["a", "x", "r+", "", "rw"])
def test_other_modes_are_refused(mode: str) -> None:
    with pytest.raises(TargetError) as error:
        LocalTarget("a").open(mode)
    assert str(error.value) == f"a cannot be opened with mode {mode!r}: mode must be 'r' or 'w'."


def test_a_target_needs_a_path() -> None:
    with pytest.raises(TargetError) as error:
        LocalTarget()
    assert str(error.value) == "A LocalTarget needs a path, or is_tmp=True to get one for temporary files."


def test_a_format_must_be_a_format() -> None:
    with pytest.raises(TargetError) as error:
        LocalTarget("a", format="gzip")  # type: ignore[arg-type]
    assert str(error.value) == (
        "The format of LocalTarget('a') is 'gzip'. It must be a format like rumbo.formats.Gzip."
    )


def test_a_format_that_cannot_open_leaves_nothing(tmp_path: pathlib.Path) -> None:
    class Broken(type(Nop)):  # type: ignore[misc]
        def pipe_writer(self, output_pipe: Any) -> Any:
            raise ZeroDivisionError

        pipe_reader = pipe_writer

    target = LocalTarget(tmp_path / "a", Broken())
    with pytest.raises(ZeroDivisionError):
        target.open("w")
    assert names(tmp_path) == []
    LocalTarget(tmp_path / "a")._touchz()
    with pytest.raises(ZeroDivisionError):
        target.open("r")


def test_a_temporary_target_goes_away_with_its_object(tmp_path: pathlib.Path) -> None:
    target = LocalTarget(is_tmp=True)
    target._touchz()
    path = target.path
    assert os.path.exists(path)
    del target
    assert not os.path.exists(path)


def test_a_forked_child_does_not_remove_its_parents_temporary_target(tmp_path: pathlib.Path) -> None:
    target = LocalTarget(tmp_path / "a", is_tmp=True)
    target._touchz()
    child = os.fork()
    if not child:
        del target
        os._exit(0)
    os.waitpid(child, 0)
    assert target.exists()


def test_the_old_name_of_the_path_is_deprecated() -> None:
    with pytest.warns(DeprecationWarning, match="Use LocalTarget.path to reference filename"):
        assert LocalTarget("a").fn == "a"


@pytest.mark.parametrize("format", [Text, Nop, Text >> Gzip])
def test_a_writer_that_is_killed_leaves_nothing_that_exists(tmp_path: pathlib.Path, format: Any) -> None:
    target = LocalTarget(tmp_path / "a", format)

    def write(stop_here: Callable[[], None]) -> None:
        with target.open("w") as stream:
            stream.write(("x" if format is not Nop else b"x") * 1_000_000)
            stream.flush()
            stop_here()

    killed_in_the_middle(write)
    assert not target.exists()
    assert fs.exists_many([target.path, "b", "c"]) == set()
    assert fs.glob(f"{tmp_path}/*") == []


def test_a_writer_that_is_killed_leaves_the_previous_file(tmp_path: pathlib.Path) -> None:
    target = LocalTarget(tmp_path / "a")
    with target.open("w") as stream:
        stream.write("whole")

    def write(stop_here: Callable[[], None]) -> None:
        with target.open("w") as stream:
            stream.write("half")
            stop_here()

    killed_in_the_middle(write)
    assert (tmp_path / "a").read_text() == "whole"


def test_a_full_disk_leaves_nothing(tmp_path: pathlib.Path) -> None:
    program = """if True:
        import resource, signal, sys
        from rumbo.pipeline import formats
        from rumbo.pipeline.local import LocalTarget
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        for name in ("Text", "Nop", "Gzip", "Zstd"):
            stream = LocalTarget(sys.argv[1] + name, getattr(formats, name)).open("w")
            content = "".join(map(chr, range(32, 50_000)))
            try:
                stream.write(content if name == "Text" else content.encode())
                stream.close()
            except OSError as error:
                print(name, error.errno)
    """
    done = subprocess.run([sys.executable, "-c", program, f"{tmp_path}/"], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [
        word for name in ("Text", "Nop", "Gzip", "Zstd") for word in (name, str(errno.EFBIG))
    ]
    assert names(tmp_path) == []


# The file system


def test_making_folders(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "a/b")
    with pytest.raises(MissingParentDirectory) as missing:
        fs.mkdir(path, parents=False)
    assert str(missing.value) == (
        f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
    )
    fs.mkdir(path)
    fs.mkdir(path)
    assert fs.isdir(path)
    with pytest.raises(FileAlreadyExists) as taken:
        fs.mkdir(path, raise_if_exists=True)
    assert str(taken.value) == f"Cannot make the folder {path}: it exists already."


def test_a_folder_cannot_be_made_where_a_file_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(NotADirectory) as error:
            fs.mkdir(str(path))
        assert str(error.value) == f"Cannot make the folder {path}: there is a file in its way."


def test_a_folder_in_the_working_directory_has_its_parent(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fs.mkdir("a", parents=False)
    assert fs.isdir("a")


def test_listing_gives_the_files_at_any_depth(tmp_path: pathlib.Path) -> None:
    for name in ("a", "b/c", "b/d/e"):
        LocalTarget(tmp_path / name)._touchz()
    assert sorted(fs.listdir(str(tmp_path))) == [str(tmp_path / name) for name in ("a", "b/c", "b/d/e")]
    assert list(fs.listdir(str(tmp_path / "missing"))) == []


def test_removing_a_folder_removes_all_in_it(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "a/b/c")._touchz()
    with pytest.raises(OSError):
        fs.remove(str(tmp_path / "a"), recursive=False)
    fs.remove(str(tmp_path / "a"))
    assert names(tmp_path) == []


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "a/b")._touchz()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    fs.remove(str(tmp_path / "link"))
    assert names(tmp_path) == ["a", "a/b"]


def test_folders_can_be_moved_and_copied(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "a/b")._touchz()
    fs.copy(str(tmp_path / "a"), str(tmp_path / "c/d"))
    fs.rename(str(tmp_path / "a"), str(tmp_path / "e/f"))
    assert names(tmp_path) == ["c", "c/d", "c/d/b", "e", "e/f", "e/f/b"]


def test_a_file_copied_to_a_folder_is_in_it(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "a")._touchz()
    fs.mkdir(str(tmp_path / "b"))
    fs.copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert names(tmp_path) == ["a", "b", "b/a"]


def test_a_copy_that_fails_leaves_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalTarget(tmp_path / "a")._touchz()
    monkeypatch.setattr(local.os, "replace", _not_allowed)
    with pytest.raises(PermissionError):
        fs.copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert names(tmp_path) == ["a"]


def _not_allowed(*_: object) -> None:
    raise PermissionError


def test_moving_to_another_disk_copies_first(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/c").write_text("more")
    replace = os.replace

    def replace_on_one_disk(old: str, new: str) -> None:
        if "-luigi-tmp-" not in old:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(old, new)

    monkeypatch.setattr(local.os, "replace", replace_on_one_disk)
    fs.move(str(tmp_path / "a"), str(tmp_path / "x"))
    fs.move(str(tmp_path / "b"), str(tmp_path / "y"))
    assert names(tmp_path) == ["x", "y", "y/c"]
    assert (tmp_path / "x").read_text() == "text"


def test_moving_what_is_not_there_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        fs.move(str(tmp_path / "a"), str(tmp_path / "b"))


def test_renaming_to_a_folder_that_just_came_to_exist_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/x", "b/y"):
        LocalTarget(tmp_path / name)._touchz()
    monkeypatch.setattr(local.os.path, "exists", lambda path: False)
    with pytest.raises(FileAlreadyExists):
        fs.rename_dont_move(str(tmp_path / "a"), str(tmp_path / "b"))


def test_other_errors_of_a_rename_are_told_as_they_are(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "file")._touchz()
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        fs.rename_dont_move(str(tmp_path / "a"), str(tmp_path / "file/below"))


def test_move_dir_is_move(tmp_path: pathlib.Path) -> None:
    LocalTarget(tmp_path / "a/b")._touchz()
    LocalTarget(tmp_path / "a").move_dir(str(tmp_path / "c"))
    assert names(tmp_path) == ["c", "c/b"]


# Many at once


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were read."""
    read = []
    scandir = os.scandir

    def noting(folder: str) -> Any:
        read.append(folder)
        return scandir(folder)

    monkeypatch.setattr(local.os, "scandir", noting)
    return read


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were asked for one by one."""
    asked = []
    exists = os.path.exists

    def noting(path: str) -> bool:
        asked.append(path)
        return exists(path)

    monkeypatch.setattr(local.os.path, "exists", noting)
    return asked


def test_many_in_one_folder_are_one_scan(tmp_path: pathlib.Path, scans: list[str], looks: list[str]) -> None:
    paths = [str(tmp_path / f"{number}") for number in range(20)]
    for path in paths[::2]:
        open(path, "w").close()
    assert fs.exists_many(paths) == set(paths[::2])
    assert scans == [str(tmp_path)]
    assert looks == []


def test_few_in_a_folder_are_asked_one_by_one(tmp_path: pathlib.Path, scans: list[str], looks: list[str]) -> None:
    paths = [str(tmp_path / name) for name in ("a/x", "a/y", "b/x")]
    LocalTarget(paths[1])._touchz()
    assert fs.exists_many(paths) == {paths[1]}
    assert scans == []


def test_a_folder_far_bigger_than_the_question_is_left_alone(
    tmp_path: pathlib.Path, scans: list[str], looks: list[str]
) -> None:
    for number in range(200):
        (tmp_path / f"{number}").touch()
    paths = [str(tmp_path / name) for name in ("1", "2", "x")]
    assert fs.exists_many(paths) == set(paths[:2])
    assert str(tmp_path / "x") in looks


def test_a_missing_folder_holds_nothing(tmp_path: pathlib.Path) -> None:
    assert fs.exists_many([f"{tmp_path}/missing/{number}" for number in range(9)]) == set()


def test_a_file_holds_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    assert fs.exists_many([f"{tmp_path}/file/{number}" for number in range(9)]) == set()


def test_a_link_to_nothing_does_not_exist(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nothing").symlink_to("missing")
    (tmp_path / "there").touch()
    (tmp_path / "something").symlink_to("there")
    paths = [str(tmp_path / name) for name in ("nothing", "something", "there")]
    assert fs.exists_many(paths) == set(paths[1:])


def test_names_that_no_folder_lists_are_found(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    paths = [f"{tmp_path}/{name}" for name in ("", ".", "..", "a", "b")]
    assert fs.exists_many(paths) == set(paths[:4])
    assert fs.exists_many(["/", "/.", "/..", "/tmp/", "/tmp/.", "/tmp/.."]) >= {"/", "/tmp/"}


def test_relative_paths_are_of_the_working_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).touch()
    assert fs.exists_many(["a", "b", "c", "./a", "./b", "./c"]) == {"a", "b", "./a", "./b"}


def test_where_names_have_several_spellings_a_scan_is_not_believed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, looks: list[str]
) -> None:
    monkeypatch.setattr(local, "_names_are_exact", False)
    paths = [str(tmp_path / name) for name in "abc"]
    assert fs.exists_many(paths) == set()
    assert looks == paths


def test_who_changes_exists_is_asked_path_by_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Generous(LocalFileSystem):
        def exists(self, path: str) -> bool:
            return True

    assert Generous().exists_many(["a", "b", "c"]) == {"a", "b", "c"}
    monkeypatch.setattr(LocalFileSystem, "exists", lambda self, path: path == "b")
    assert fs.exists_many(["a", "b", "c"]) == {"b"}


# Folders as targets


def fill(target: LocalDirectoryTarget, *names: str) -> None:
    with target.temporary_path() as folder:
        for name in names:
            pathlib.Path(folder, name).write_text(name)


def test_a_folder_appears_whole_with_its_flag(tmp_path: pathlib.Path) -> None:
    target = LocalDirectoryTarget(tmp_path / "out/")
    with target.temporary_path() as folder:
        pathlib.Path(folder, "part").write_text("text")
        assert not target.exists()
    assert target.exists()
    assert names(tmp_path) == ["out", "out/_SUCCESS", "out/part"]
    assert target.files() == [str(tmp_path / "out/part")]
    assert pathlib.Path(target.file("part").path).read_text() == "text"


def test_a_folder_without_its_flag_does_not_exist(tmp_path: pathlib.Path) -> None:
    (tmp_path / "out").mkdir()
    target = LocalDirectoryTarget(tmp_path / "out", flag="_done")
    assert not target.exists()
    (tmp_path / "out/_done").touch()
    assert target.exists()


def test_a_folder_that_is_interrupted_leaves_nothing(tmp_path: pathlib.Path) -> None:
    with pytest.raises(KeyboardInterrupt), LocalDirectoryTarget(tmp_path / "out").temporary_path():
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_folder_whose_writer_is_killed_does_not_exist(tmp_path: pathlib.Path) -> None:
    target = LocalDirectoryTarget(tmp_path / "out")

    def write(stop_here: Callable[[], None]) -> None:
        with target.temporary_path() as folder:
            pathlib.Path(folder, "part").write_text("text")
            stop_here()

    killed_in_the_middle(write)
    assert not target.exists()
    fill(target, "part")
    assert target.exists()


def test_a_folder_left_unfinished_is_replaced(tmp_path: pathlib.Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/half").touch()
    fill(LocalDirectoryTarget(tmp_path / "out"), "whole")
    assert names(tmp_path) == ["out", "out/_SUCCESS", "out/whole"]


def test_a_whole_folder_is_not_replaced(tmp_path: pathlib.Path) -> None:
    target = LocalDirectoryTarget(tmp_path / "out")
    fill(target, "first")
    with pytest.raises(FileAlreadyExists):
        fill(target, "second")
    assert names(tmp_path) == ["out", "out/_SUCCESS", "out/first"]


def test_a_folder_can_be_filled_file_by_file(tmp_path: pathlib.Path) -> None:
    target = LocalDirectoryTarget(tmp_path / "out", Gzip)
    with target.file("a").open("w") as stream:
        stream.write(b"text")
    assert not target.exists()
    target.mark_done()
    assert target.exists()
    target._touchz()
    with target.file("a").open("r") as stream:
        assert stream.read() == b"text"


def test_removing_a_folder_begins_with_its_flag(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = LocalDirectoryTarget(tmp_path / "out")
    fill(target, "part")
    monkeypatch.setattr(LocalFileSystem, "remove", _not_allowed)
    with pytest.raises(PermissionError):
        target.remove()
    assert not target.exists()
    monkeypatch.undo()
    target.remove()
    assert names(tmp_path) == []


def test_a_folder_cannot_be_opened() -> None:
    with pytest.raises(TargetError) as error:
        LocalDirectoryTarget("out").open()
    assert str(error.value) == (
        "out is a folder and cannot be opened. Write it through temporary_path(), or file by file through "
        "file(name).open('w') and, at the end, mark_done(); read it through files()."
    )
