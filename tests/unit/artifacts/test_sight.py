"""Whether a file is still there as it was, and how a server looks at files whose names it does not trust."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rumbo.artifacts.sight import Fate, Folders, OutOfSight, look
from rumbo.history import Artifact

if TYPE_CHECKING:
    from pathlib import Path


def as_written(path: Path) -> Artifact:
    found = path.stat()
    return Artifact(str(path), found.st_size, round(found.st_mtime, 3))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "day.csv"
    path.write_text("a,b\n")
    return path


def test_a_file_that_nobody_touched_is_there(file: Path) -> None:
    sight = look(as_written(file))
    assert (sight.fate, sight.size) == (Fate.THERE, 4)


def test_another_size_or_another_time_is_a_change(file: Path) -> None:
    before = as_written(file)
    os.utime(file, (5, 5))
    assert look(before).fate is Fate.CHANGED
    assert look(before)[1:] == (4, 5.0)
    file.write_text("longer than before")
    assert look(as_written(file)._replace(size=4)).fate is Fate.CHANGED


def test_what_was_removed_is_gone(file: Path) -> None:
    before = as_written(file)
    file.unlink()
    assert look(before) == (Fate.GONE, None, None)
    assert look(before._replace(address=f"{file}/below")).fate is Fate.GONE


def test_a_folder_is_there_or_not(tmp_path: Path) -> None:
    assert look(Artifact(str(tmp_path), None, 5.0)) == (Fate.THERE, None, None)
    assert look(Artifact(str(tmp_path), 7, 5.0)).fate is Fate.CHANGED


@pytest.mark.parametrize("address", ["s3://bucket/key", "Table('x')", "relative", "/data/***/x", "/with\0zero", ""])
def test_what_is_no_path_here_is_not_looked_at(address: str) -> None:
    assert look(Artifact(address, 4, 5.0)).fate is Fate.UNKNOWN


def test_a_path_of_another_machine_counts_only_if_the_very_file_is_here(file: Path, tmp_path: Path) -> None:
    assert look(as_written(file), is_near=False).fate is Fate.THERE
    assert look(as_written(file)._replace(size=5), is_near=False).fate is Fate.UNKNOWN
    assert look(Artifact(str(tmp_path / "none"), 4, 5.0), is_near=False).fate is Fate.UNKNOWN
    assert look(Artifact(str(tmp_path), None, None), is_near=False).fate is Fate.UNKNOWN


def read(folders: Folders, path: Path) -> bytes:
    with os.fdopen(folders.open(str(path)), "rb") as file:
        return file.read()


def test_files_below_a_folder_are_opened(tmp_path: Path, file: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "x").write_text("deep")
    folders = Folders([str(tmp_path)])
    assert read(folders, file) == b"a,b\n"
    assert read(folders, tmp_path / "deep" / "er" / "x") == b"deep"
    assert folders.look(as_written(file)).fate is Fate.THERE


def test_links_are_followed_only_to_what_lies_below(tmp_path: Path) -> None:
    shown, kept = tmp_path / "shown", tmp_path / "kept"
    for folder in (shown, kept):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
    (shown / "link").symlink_to(shown / "file")
    (shown / "out").symlink_to(kept / "file")
    (shown / "there").symlink_to(kept)
    folders = Folders([str(shown)])

    assert read(folders, shown / "link") == b"shown"
    for path in (shown / "out", shown / "there" / "file", shown / ".." / "kept" / "file", kept / "file"):
        with pytest.raises(OutOfSight, match=r"^it lies outside of the folders that are shown$"):
            folders.open(str(path))
        assert folders.look(as_written(path)).fate is Fate.UNKNOWN


def test_a_link_put_in_the_way_at_the_last_moment_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, kept = tmp_path / "shown", tmp_path / "kept"
    for folder in (shown / "sub", kept):
        folder.mkdir(parents=True)
        (folder / "file").write_text(folder.name)
    folders = Folders([str(shown)])
    resolve = os.path.realpath

    def resolve_and_swap(path: str) -> str:
        found = resolve(path)
        (shown / "sub").rename(shown / "was")
        (shown / "sub").symlink_to(kept)
        return found

    monkeypatch.setattr(os.path, "realpath", resolve_and_swap)
    with pytest.raises(OutOfSight, match="it cannot be read"):
        folders.open(str(shown / "sub" / "file"))


def test_what_is_hidden_or_sets_up_programs_stays_so(tmp_path: Path) -> None:
    folders = Folders([str(tmp_path)])
    (tmp_path / ".rumbo").mkdir()
    for name, why in ((".env", "it is hidden"), (".rumbo/rumbo.db", "it is hidden")):
        (tmp_path / name).write_text("x")
        with pytest.raises(OutOfSight, match=why):
            folders.open(str(tmp_path / name))
    for name in ("rumbo.toml", "luigi.CFG", "server.key"):
        (tmp_path / name).write_text("x")
        with pytest.raises(OutOfSight, match="files of settings are not shown"):
            folders.open(str(tmp_path / name))


def test_devices_pipes_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    folders = Folders([str(tmp_path), "/dev"])
    for path in (tmp_path / "pipe", tmp_path / "folder", "/dev/zero"):
        with pytest.raises(OutOfSight, match="it is no plain file"):
            folders.open(str(path))
    with pytest.raises(OutOfSight, match="it is not there"):
        folders.open(str(tmp_path / "none"))


def test_without_folders_nothing_is_seen(file: Path) -> None:
    assert Folders([]).look(as_written(file)).fate is Fate.UNKNOWN
    with pytest.raises(OutOfSight):
        Folders([]).open(str(file))
