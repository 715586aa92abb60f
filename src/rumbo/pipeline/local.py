"""Files and folders on this machine, written so that a name never stands for a half of them."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from rumbo.errors import TargetError
from rumbo.pipeline import formats
from rumbo.pipeline.filesystem import (
    DestinationExists,
    FileAlreadyExists,
    FileSystem,
    MissingParentDirectory,
    NotADirectory,
    is_temporary,
    temporary_name,
)
from rumbo.pipeline.target import AtomicLocalFile, FileSystemTarget, Footprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Where a name that no entry of a folder bears can still be found by another spelling, a scan cannot say "no".
_names_are_exact = sys.platform not in ("win32", "cygwin", "darwin")

_ENTRIES_PER_NAME = 4  # reading one entry of a folder costs about a quarter of asking for one file


class AtomicFile(AtomicLocalFile):
    """A file written under another name beside its own, and renamed when it is closed."""

    moves_file = True

    def generate_tmp_path(self, path: str) -> str:
        return temporary_name(path)

    def move_to_final_destination(self) -> None:
        os.replace(self.tmp_path, self.path)


class LocalFileSystem(FileSystem):
    """The file system of this machine."""

    answers_in_bulk = True

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def isdir(self, path: str) -> bool:
        return os.path.isdir(path)

    def listdir(self, path: str) -> Iterator[str]:
        for folder, _, names in os.walk(path):
            for name in names:
                yield os.path.join(folder, name)

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        try:
            os.makedirs(path) if parents else os.mkdir(path)
        except FileNotFoundError:
            raise MissingParentDirectory(
                f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
            ) from None
        except (FileExistsError, NotADirectoryError):
            if raise_if_exists and os.path.exists(path):
                raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.") from None
            if not os.path.isdir(path):
                raise NotADirectory(f"Cannot make the folder {path}: there is a file in its way.") from None

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        if recursive and os.path.isdir(path) and not os.path.islink(path):
            import shutil

            shutil.rmtree(path)
        else:
            os.remove(path)

    def copy(self, old_path: str, new_path: str, raise_if_exists: bool = False) -> None:
        """Copy a file, or a folder with all it holds. The copy appears when it is whole.

        Raises:
            DestinationExists: with ``raise_if_exists=True``, when something is at ``new_path``.
        """
        if raise_if_exists and os.path.exists(new_path):
            raise DestinationExists(f"Cannot copy {old_path} to {new_path}: something is there already.")
        if os.path.isdir(new_path) and not os.path.isdir(old_path):
            new_path = os.path.join(new_path, os.path.basename(old_path))
        self._make_folder_of(new_path)
        self._copy_whole(old_path, new_path)

    def move(self, old_path: str, new_path: str, raise_if_exists: bool = False) -> None:
        """Rename a file or a folder. To another disk it is copied, and appears there when it is whole.

        Raises:
            FileAlreadyExists: with ``raise_if_exists=True``, when something is at ``new_path``.
        """
        if raise_if_exists and os.path.exists(new_path):
            raise _already_there(old_path, new_path)
        try:
            self._replace(old_path, new_path)
        except FileNotFoundError:
            self._make_folder_of(new_path)
            self._replace(old_path, new_path)

    def rename_dont_move(self, path: str, dest: str) -> None:
        try:
            self.move(path, dest, raise_if_exists=True)
        except OSError as error:
            # Another writer made the folder between our look and our rename.
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise _already_there(path, dest) from error
            raise

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist.

        A folder that holds several of them is read once, unless it holds far more than was asked for.
        """
        if type(self).exists is not _exists:  # somebody changed what "exists" means
            return super().exists_many(paths)
        found = set()
        for folder, names in _by_folder(paths).items():
            if len(names) >= 3:
                found.update(_found_by_scan(folder, names))
            else:
                found.update(path for path in names.values() if os.path.exists(path))
        return found

    def glob(self, pattern: str) -> list[str]:
        import glob

        return sorted(path for path in glob.iglob(pattern, recursive=True) if not is_temporary(path))

    def _replace(self, old_path: str, new_path: str) -> None:
        try:
            os.replace(old_path, new_path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy_whole(old_path, new_path)
            self.remove(old_path)

    def _copy_whole(self, old_path: str, new_path: str) -> None:
        import shutil

        unfinished = temporary_name(new_path)
        try:
            if os.path.isdir(old_path):
                shutil.copytree(old_path, unfinished, symlinks=True)
            else:
                shutil.copy(old_path, unfinished)
            os.replace(unfinished, new_path)
        except BaseException:
            if os.path.exists(unfinished):
                self.remove(unfinished)
            raise

    def _make_folder_of(self, path: str) -> None:
        folder = os.path.dirname(path)
        if folder:
            self.mkdir(folder)


_exists = LocalFileSystem.exists


def _already_there(path: str, dest: str) -> FileAlreadyExists:
    return FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.")


def _by_folder(paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """folder -> name in it -> path. The folder of a path in the working directory is ``""``."""
    folders: dict[str, dict[str, str]] = {}
    if os.sep == "/":
        for path in paths:
            folder, slash, name = path.rpartition("/")
            folders.setdefault(folder or slash, {})[name] = path
    else:
        for path in paths:
            folder, name = os.path.split(path)
            folders.setdefault(folder, {})[name] = path
    return folders


def _found_by_scan(folder: str, wanted: dict[str, str]) -> list[str]:
    """Those of ``wanted`` (name -> path) that exist.

    Reads the folder, but gives up on one far bigger than the question.
    """
    missing = dict(wanted)
    found = []
    entries_left = _ENTRIES_PER_NAME * len(wanted) + 64
    is_whole = False
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                path = missing.pop(entry.name, None)
                # A link is there, but what it leads to may not be.
                if path is not None and (not entry.is_symlink() or os.path.exists(path)):
                    found.append(path)
                entries_left -= 1
                if not missing or not entries_left:
                    break
            else:
                is_whole = True
    except FileNotFoundError:
        return found
    except OSError:  # not a folder, or not ours to list: the files in it may still be ours to see
        pass
    if is_whole and _names_are_exact:
        # What a scan never lists: the folder itself, under three names.
        missing = {name: path for name, path in missing.items() if name in ("", ".", "..")}
    found.extend(path for path in missing.values() if os.path.exists(path))
    return found


class LocalTarget(FileSystemTarget):
    """A file on this machine.

    Args:
        path: where it is. May be left out with ``is_tmp``; then it is a fresh name in the folder for temporary files.
        format: how its bytes are read and written; text by default.
        is_tmp: remove the file when this object goes away.
    """

    fs = LocalFileSystem()
    is_tmp = False
    _owner = 0

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        format: formats.Format | None = None,
        is_tmp: bool = False,
    ) -> None:
        if not path:
            if not is_tmp:
                raise TargetError("A LocalTarget needs a path, or is_tmp=True to get one for temporary files.")
            path = _path_for_temporary_file()
        if format is None:
            format = formats.get_default_format()
        elif not hasattr(format, "pipe_writer"):
            raise TargetError(
                f"The format of LocalTarget({str(path)!r}) is {format!r}. It must be a format like rumbo.formats.Gzip."
            )
        super().__init__(path)
        self.format = format
        if is_tmp:
            self.is_tmp = True
            # A forked child has a copy of this object, but the file is its parent's.
            self._owner = os.getpid()

    def modified(self) -> float | None:
        """When the file was written; of a folder with a done flag, when the flag was."""
        try:
            return os.stat(self.existence_path).st_mtime
        except OSError:
            return None

    def footprint(self) -> Footprint:
        """The absolute path, with size and time by one question to this machine; folders have no size."""
        path = self.path
        address = path if path[:1] == "/" else os.path.abspath(path)
        try:
            found = os.stat(self.existence_path)
        except (OSError, ValueError):
            return Footprint(address)
        is_file = found.st_mode & 0o170000 == 0o100000 and self.existence_path == path
        return Footprint(address, found.st_size if is_file else None, found.st_mtime)

    def makedirs(self) -> None:
        """Make the folders above the file."""
        folder = os.path.dirname(os.path.normpath(self.path))
        if folder:
            os.makedirs(folder, exist_ok=True)

    def open(self, mode: str = "r") -> IO[Any]:
        """Open to read (``"r"``) or to write anew (``"w"``).

        What is written goes to another name beside the file's own, and gets that name when it is closed. After an
        exception in the ``with`` block, or without ``close()``, it is gone. Folders above are made.

        Raises:
            TargetError: for any other mode. One cannot append: the file would be seen while it grows.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind == "w":
            return self._open_to_write()
        if kind == "r":
            return self._open_to_read()
        raise TargetError(f"{self.path} cannot be opened with mode {mode!r}: mode must be 'r' or 'w'.")

    def _open_to_write(self) -> IO[Any]:
        try:
            file = AtomicFile(self.path)
        except FileNotFoundError:
            file = None
        if file is None:  # here and not above, where an error would drag the first one along
            self.makedirs()
            file = AtomicFile(self.path)
        try:
            stream: IO[Any] = self.format.pipe_writer(file)
        except BaseException:
            file.abort()
            raise
        return stream

    def _open_to_read(self) -> IO[Any]:
        file = open(self.path, "rb")  # noqa: SIM115 (the stream that we return closes it)
        try:
            stream: IO[Any] = self.format.pipe_reader(file)
        except BaseException:
            file.close()
            raise
        return stream

    def move(self, new_path: str, raise_if_exists: bool = False) -> None:
        """Move the file; this object keeps its path."""
        self.fs.move(self.path, new_path, raise_if_exists=raise_if_exists)

    def move_dir(self, new_path: str) -> None:
        """The same as ``move``."""
        self.move(new_path)

    def copy(self, new_path: str, raise_if_exists: bool = False) -> None:
        """Copy the file."""
        self.fs.copy(self.path, new_path, raise_if_exists)

    @property
    def fn(self) -> str:
        """The path, by its old name."""
        warnings.warn("Use LocalTarget.path to reference filename", DeprecationWarning, stacklevel=2)
        return self.path

    def __copy__(self) -> LocalTarget:
        """The same path in another object, which leaves the removal of a temporary file to this one."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, is_tmp=False)
        return other

    def __del__(self) -> None:
        if self.is_tmp and self._owner == os.getpid() and self.exists():
            self.remove()


def _path_for_temporary_file() -> str:
    import tempfile

    return temporary_name(os.path.join(tempfile.gettempdir(), "rumbo"))


class LocalDirectoryTarget(LocalTarget):
    """A folder that exists as a target only when a flag file in it says that it is whole.

        with self.output().temporary_path() as folder:
            frame.to_parquet(folder, partition_cols=["day"])

    Args:
        path: the folder.
        format: the format of the files that ``file()`` gives.
        flag: the name of the flag file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        format: formats.Format | None = None,
        flag: str = "_SUCCESS",
    ) -> None:
        super().__init__(str(path).rstrip("/\\") or path, format)
        self.flag = flag

    @property
    def existence_path(self) -> str:
        """The flag file."""
        return os.path.join(self.path, self.flag)

    def file(self, name: str) -> LocalTarget:
        """A file in the folder."""
        return LocalTarget(os.path.join(self.path, name), self.format)

    def files(self) -> list[str]:
        """The sorted paths of all files in the folder, at any depth, but for the flag and what is unfinished."""
        flag = self.existence_path
        return sorted(path for path in self.fs.listdir(self.path) if path != flag and not is_temporary(path))

    def open(self, mode: str = "r") -> IO[Any]:
        """A folder cannot be opened.

        Raises:
            TargetError: always.
        """
        raise TargetError(
            f"{self.path} is a folder and cannot be opened. Write it through temporary_path(), or file by file "
            "through file(name).open('w') and, at the end, mark_done(); read it through files()."
        )

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        """A new, empty folder to fill. At the end of the block it appears at the target's path with its flag, at once.

        A folder there without a flag was left unfinished by somebody, and is replaced. After an exception nothing
        remains.

        Raises:
            FileAlreadyExists: at the end, when the target has come to exist.
        """
        path = temporary_name(self.path)
        os.makedirs(path)
        try:
            yield path
            self.seal(path)
            self._clear_unfinished()
            self.fs.rename_dont_move(path, self.path)
        except BaseException:
            if os.path.exists(path):
                self.fs.remove(path)
            raise

    def seal(self, path: str) -> None:
        with open(os.path.join(path, self.flag), "wb"):
            pass

    def mark_done(self) -> None:
        """Say that the folder is whole, when it was not filled through ``temporary_path()``."""
        self.seal(self.path)

    def remove(self) -> None:
        """Remove the folder; first of all its flag, so that a part of it never counts as existing."""
        if self.exists():
            os.remove(self.existence_path)
        self.fs.remove(self.path)

    def _clear_unfinished(self) -> None:
        if self.exists() or not os.path.exists(self.path):
            return
        # Out of the way first: the time without a folder is one rename long, however much there is to remove.
        rest = temporary_name(self.path)
        os.rename(self.path, rest)
        self.fs.remove(rest)

    def _touchz(self) -> None:
        os.makedirs(self.path, exist_ok=True)
        self.mark_done()
