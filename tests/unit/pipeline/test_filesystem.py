"""The parts that file systems share: names for what is unfinished, patterns, and the defaults."""

from __future__ import annotations

import re

import pytest

from rumbo.errors import TargetError
from rumbo.pipeline import filesystem
from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    MissingParentDirectory,
    NotADirectory,
    fixed_beginning,
    glob_expression,
    is_temporary,
    temporary_name,
)


class Shelf(FileSystem):
    """A file system that can do as little as is allowed, and list and move."""

    def __init__(self, *paths: str) -> None:
        self.paths = set(paths)

    def exists(self, path: str) -> bool:
        return path in self.paths

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        self.paths.remove(path)

    def move(self, path: str, dest: str) -> None:
        self.paths.remove(path)
        self.paths.add(dest)

    def listdir(self, path: str) -> list[str]:
        return [name for name in self.paths if name.startswith(path)]


class Stone(FileSystem):
    """A file system that can only look and remove."""

    def exists(self, path: str) -> bool:
        return False

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        pass


def test_a_file_system_without_exists_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        FileSystem()  # type: ignore[abstract]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("mkdir", ["a"]),
        ("isdir", ["a"]),
        ("listdir", ["a"]),
        ("move", ["a", "b"]),
        ("rename", ["a", "b"]),
        ("copy", ["a", "b"]),
    ],
)
def test_what_a_file_system_cannot_do_is_not_implemented(operation: str, arguments: list[str]) -> None:
    name = "move" if operation == "rename" else operation
    with pytest.raises(NotImplementedError, match=re.escape(f"Stone has no {name}().")):
        getattr(Stone(), operation)(*arguments)


@pytest.mark.parametrize("error", [FileAlreadyExists, MissingParentDirectory, NotADirectory])
def test_errors_are_of_both_trees(error: type[Exception]) -> None:
    assert issubclass(error, FileSystemException)
    assert issubclass(error, TargetError)


def test_renaming_where_no_rename_exists_looks_first_and_warns() -> None:
    shelf = Shelf("a", "b")
    with (
        pytest.warns(UserWarning, match="Shelf cannot rename in one step"),
        pytest.raises(FileAlreadyExists, match="Cannot rename a to b: something is there already"),
    ):
        shelf.rename_dont_move("a", "b")
    with pytest.warns(UserWarning, match="another writer may come in between"):
        shelf.rename_dont_move("a", "c")
    assert shelf.paths == {"b", "c"}


def test_many_are_asked_one_by_one_by_default() -> None:
    assert Shelf("a", "b").exists_many(["a", "b", "c"]) == {"a", "b"}


def test_a_pattern_is_answered_from_the_listing_by_default() -> None:
    shelf = Shelf("d/a.csv", "d/b.csv", "d/b.csv-luigi-tmp-0000000001", "e/a.csv", "d/e/a.csv", "d/.a.csv")
    assert shelf.glob("d/*") == ["d/a.csv", "d/b.csv"]
    assert shelf.glob("*/a.csv") == ["d/a.csv", "e/a.csv"]
    assert shelf.glob("d/a.csv") == ["d/a.csv"]
    assert shelf.glob("d/c.csv") == []


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("a*c", ["ac", "abc"], ["a/c", "abcd"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[!a]x", ["bx"], ["ax", "/x"]),
        ("[[]x", ["[x"], ["x"]),
        ("[x", ["[x"], ["x"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", ".git/x"]),
        ("*", ["x"], [".x"]),
        (".*", [".x"], ["x"]),
        ("a+(b)", ["a+(b)"], ["aab"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], other: list[str]) -> None:
    expression = glob_expression(pattern)
    assert [path for path in matching + other if expression.fullmatch(path)] == matching


@pytest.mark.parametrize(
    ("pattern", "folder"), [("a/b/*.csv", "a/b/"), ("a/b?/c", "a/"), ("*", ""), ("/x/{a,b}", "/x/")]
)
def test_the_fixed_beginning_of_a_pattern(pattern: str, folder: str) -> None:
    assert fixed_beginning(pattern) == folder


@pytest.mark.parametrize(("path", "slash"), [("a/b.csv", ""), ("a/b/", "/"), ("a\\b\\", "\\")])
def test_a_temporary_name_lies_beside_its_path_and_keeps_the_slash(path: str, slash: str) -> None:
    name = temporary_name(path)
    assert re.fullmatch(re.escape(path.rstrip("/\\")) + r"-luigi-tmp-\d{10}" + re.escape(slash), name)
    assert name != temporary_name(path)
    assert is_temporary(name)
    assert not is_temporary(path)


@pytest.mark.parametrize("letter", ["a", "ñ"])
def test_a_temporary_name_is_never_too_long_for_the_disk(letter: str) -> None:
    path = "folder/" + letter * (254 // len(letter.encode()))
    name = temporary_name(path)
    assert name.startswith(f"folder/{letter * 50}")
    assert len(name.removeprefix("folder/").encode()) <= 255


def test_a_temporary_name_may_have_bytes_that_are_no_text() -> None:
    assert temporary_name("\udcff" * 250).startswith("\udcff" * 50) or filesystem.TEMPORARY_MARK
