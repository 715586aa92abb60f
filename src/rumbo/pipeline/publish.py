"""Several outputs published together, or none of them.

    with publish(orders, lines) as (orders_file, lines_file):
        ...

Each file is written under a temporary name. When the block has ended well and every file is whole, they are renamed,
first to last. A rename is one file's affair, so the set needs more:

* **The last target is the set's seal.** If the targets existed before, they are withdrawn first, the last one before
  all others; and the new ones come in order, the last one last. So at no moment do all targets exist but from
  different publications. Whoever finds the last one has a whole set.
* **If a rename fails**, what this publication made is taken back, and what it withdrew returns.
* **If the process is killed between two renames**, the last target is missing, so the task counts as not done and
  runs again. Beside the last target lies a journal of the renames. The next ``publish`` of the set, or ``recover``,
  finishes them from it: the data was whole already.
* **Two processes that publish one set** do so one after the other: the journal is locked while its writer lives.

Limits. A reader that opens the targets one by one while a set is replaced can get the first from the old set and the
next from the new one. Nothing is forced to the disk (no fsync), so after a power cut the file system decides. Off the
local file system there is no journal and no lock: after a kill, files may remain under temporary names.
"""

from __future__ import annotations

import copy
import json
import os
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, overload

from rumbo.errors import TargetError
from rumbo.pipeline.filesystem import TEMPORARY_MARK, FileSystem, temporary_name
from rumbo.pipeline.local import LocalFileSystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from rumbo.pipeline.target import FileSystemTarget


class _Move(NamedTuple):
    """One target's way to its new content."""

    new: str  # the temporary name of what will be published
    final: str
    old: str  # where what was there before waits for the end


@overload
def publish(*targets: FileSystemTarget) -> AbstractContextManager[tuple[IO[Any], ...]]: ...
@overload
def publish(*targets: FileSystemTarget, paths: Literal[False]) -> AbstractContextManager[tuple[IO[Any], ...]]: ...
@overload
def publish(*targets: FileSystemTarget, paths: Literal[True]) -> AbstractContextManager[tuple[str, ...]]: ...
def publish(*targets: FileSystemTarget, paths: bool = False) -> AbstractContextManager[tuple[Any, ...]]:
    """Write several targets; at the end of the block all of them appear, or after an exception none.

    Args:
        targets: of one file system. The last one is the set's seal: see the module's text.
        paths: give temporary paths to write to, and not open files. A directory target needs it.

    Raises:
        TargetError: no targets, one twice, or targets of several file systems; at the end of the block, with
            ``paths``, when nothing was written to one of them.
    """
    _check(targets)
    return _publication_of_paths(targets) if paths else _publication_of_files(targets)


def recover(*targets: FileSystemTarget) -> bool:
    """Finish a publication of these targets whose process was killed while it renamed; whether there was one."""
    _check(targets)
    last = targets[-1]
    if not isinstance(last.fs, LocalFileSystem) or not os.path.exists(_journal_path(last.path)):
        return False
    with _locked_journal(last.path) as journal:
        return journal.was_recovered


def _check(targets: Sequence[FileSystemTarget]) -> None:
    if not targets:
        raise TargetError("publish() needs the targets that shall appear together.")
    paths = [target.path for target in targets]
    for path in paths:
        if paths.count(path) > 1:
            raise TargetError(f"publish() got the target {path} twice.")
    kinds = {type(target.fs) for target in targets}
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TargetError(
            f"publish() got targets of {names}: only those of one file system can appear together. "
            "Publish each file system's own, and last the one that says that all is there."
        )


@contextmanager
def _publication_of_files(targets: Sequence[FileSystemTarget]) -> Iterator[tuple[IO[Any], ...]]:
    moves = _prepared(targets)
    try:
        with ExitStack() as files:
            yield tuple(
                files.enter_context(_renamed(target, move.new).open("w"))
                for target, move in zip(targets, moves, strict=True)
            )
        _move_together(targets[0].fs, moves)
    finally:
        _remove_unpublished(targets[0].fs, moves)


@contextmanager
def _publication_of_paths(targets: Sequence[FileSystemTarget]) -> Iterator[tuple[str, ...]]:
    fs = targets[0].fs
    moves = _prepared(targets)
    try:
        for move in moves:
            folder = os.path.dirname(move.new)
            if folder:
                fs.mkdir(folder)
        yield tuple(move.new for move in moves)
        for target, move in zip(targets, moves, strict=True):
            if not fs.exists(move.new):
                raise TargetError(
                    f"Nothing was published: {target.path} was not written. "
                    f"Write it to the path that publish() gave for it ({move.new})."
                )
            target.seal(move.new)
        _move_together(fs, moves)
    finally:
        _remove_unpublished(fs, moves)


def _prepared(targets: Sequence[FileSystemTarget]) -> list[_Move]:
    recover(*targets)
    return [
        _Move(temporary_name(path), path, temporary_name(path))
        for path in (target.path.rstrip("/\\") for target in targets)
    ]


def _renamed(target: FileSystemTarget, path: str) -> FileSystemTarget:
    """The same target elsewhere: its format and whatever else its class has stay as they are."""
    other = copy.copy(target)
    other.path = path
    return other


def _remove_unpublished(fs: FileSystem, moves: Sequence[_Move]) -> None:
    for move in moves:
        if fs.exists(move.new):
            fs.remove(move.new)


def _move_together(fs: FileSystem, moves: Sequence[_Move]) -> None:
    if not isinstance(fs, LocalFileSystem):
        _rename_all(fs, moves)
        return
    with _locked_journal(moves[-1].final) as journal:
        notes = [[os.path.abspath(path) for path in move] for move in moves]
        os.write(journal.file, json.dumps(notes).encode())
        _rename_all(fs, moves)


def _rename_all(fs: FileSystem, moves: Sequence[_Move]) -> None:
    """Withdraw what is there, then publish. What was done by somebody who was killed is not done again."""
    try:
        for move in reversed(moves):
            if fs.exists(move.new) and fs.exists(move.final):
                fs.move(move.final, move.old)
        for move in moves:
            if fs.exists(move.new):
                fs.move(move.new, move.final)
    except BaseException:
        _take_back(fs, moves)
        raise
    for move in moves:
        if fs.exists(move.old):
            fs.remove(move.old)


def _take_back(fs: FileSystem, moves: Sequence[_Move]) -> None:
    """Undo, from any point, what ``_rename_all`` has done. The last target comes back last."""
    for move in reversed(moves):
        was_published = not fs.exists(move.new)
        if was_published and fs.exists(move.final):
            fs.remove(move.final)
    for move in moves:
        if fs.exists(move.old):
            fs.move(move.old, move.final)


# The journal ---------------------------------------------------------------------------------------------------


class _Journal(NamedTuple):
    """The renames of a set, in a file that exists while somebody makes them, or after somebody was killed doing so."""

    file: int
    was_recovered: bool


def _journal_path(last_path: str) -> str:
    return f"{last_path.rstrip('/')}{TEMPORARY_MARK}publication"


@contextmanager
def _locked_journal(last_path: str) -> Iterator[_Journal]:
    """The journal, empty and ours alone. A dead writer's publication is finished first; a living one's is awaited."""
    path = _journal_path(last_path)
    file = _open_locked(path)
    try:
        notes = _read(file)
        if notes is not None:
            _finish(notes)
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
        yield _Journal(file, notes is not None)
    finally:
        # Also after an error: what could be taken back has been. Removed while locked, so that who waits sees it.
        os.remove(path)
        _unlock(file)
        os.close(file)


def _open_locked(path: str) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        _lock(file)
        try:
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        os.close(file)  # its writer finished, and removed it, while we waited


def _read(file: int) -> list[_Move] | None:
    content = os.read(file, os.fstat(file).st_size)
    try:
        return [_Move(*note) for note in json.loads(content)]
    except ValueError:  # empty, or cut short: its writer was killed before the first rename
        return None


def _finish(moves: Sequence[_Move]) -> None:
    fs = LocalFileSystem()
    if all(fs.exists(move.new) or fs.exists(move.final) for move in moves):
        _rename_all(fs, moves)
    else:  # somebody removed a part of it since
        _take_back(fs, moves)
        _remove_unpublished(fs, moves)


def _lock(file: int) -> None:
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # Windows: two processes must not publish one set at once
        return
    flock(file, LOCK_EX)


def _unlock(file: int) -> None:
    # Closing alone would leave the lock with children that were forked meanwhile.
    try:
        from fcntl import LOCK_UN, flock
    except ImportError:
        return
    flock(file, LOCK_UN)
