"""Commands, tunnels and targets on other machines, over the system's own ``ssh``.

How a host is reached, with which name, key and port, may stand in ``~/.ssh/config``, as for anybody who types ``ssh``.
Nothing has to be installed here or there but OpenSSH. For SFTP from within Python there is
``rumbo.Target("sftp://host/path")``.
"""

from __future__ import annotations

import os
import posixpath
import shlex
import subprocess
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from rumbo.errors import TargetError
from rumbo.pipeline.filesystem import (
    FileAlreadyExists,
    FileSystem,
    MissingParentDirectory,
    NotADirectory,
    temporary_name,
)
from rumbo.pipeline.formats import InputPipeProcessWrapper, OutputPipeProcessWrapper
from rumbo.pipeline.formatted import FormattedTarget
from rumbo.pipeline.target import Footprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rumbo.pipeline.formats import Format

_CONNECTION_FAILED = 255  # how ssh itself ends when it does not reach a host
_PAUSES = (0.5, 2.0)  # seconds before asking a host again that was not reached
_MISSING = 44  # how our scripts end when there is no such file
_TAKEN = 45  # and when there is one already

#: A host that falls silent is given up after a minute.
_ALIVE = ("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")


class RemoteCalledProcessError(subprocess.CalledProcessError):
    """A command on another machine ended badly.

    Attributes:
        host: the machine.
    """

    def __init__(self, returncode: int, command: Sequence[str], host: str, output: bytes | None = None) -> None:
        super().__init__(returncode, command, output)
        self.host = host

    def __str__(self) -> str:
        shown = " ".join(map(str, self.cmd))
        if self.returncode == _CONNECTION_FAILED:
            return f"{self.host} was not reached to run {shown!r}: see what ssh said above, and try: ssh {self.host}"
        return f"{shown!r} on {self.host} ended with status {self.returncode}."


class RemoteContext:
    """How to run commands on another machine.

    Args:
        host: its name or address, or what ``~/.ssh/config`` calls it.
        username: who to be there.
        key_file: the file of a private key.
        connect_timeout: seconds to wait for it.
        port: where its server listens.
        no_host_key_check: take it for the machine that it says it is.
        sshpass: let the program ``sshpass`` give the password that is in the environment as SSHPASS.
        tty: give commands a terminal.
    """

    def __init__(
        self,
        host: str,
        username: str | None = None,
        key_file: str | None = None,
        connect_timeout: int | None = None,
        port: int | str | None = None,
        no_host_key_check: bool = False,
        sshpass: bool = False,
        tty: bool = False,
    ) -> None:
        if host.startswith("-") or (username or "").startswith("-"):
            raise TargetError(f"{host!r} cannot be a host: ssh would take it for an option.")
        self.host = host
        self.username = username
        self.key_file = key_file
        self.connect_timeout = connect_timeout
        self.port = port
        self.no_host_key_check = no_host_key_check
        self.sshpass = sshpass
        self.tty = tty

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.host!r}, {self.username!r}, {self.key_file!r}, "
            f"{self.connect_timeout!r}, {self.port!r})"
        )

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def _host_ref(self) -> str:
        return f"{self.username}@{self.host}" if self.username else self.host

    def _options(self, port_flag: str) -> list[str]:
        """What ``ssh`` and ``scp`` are told alike, but for the letter of the port."""
        options = ["-o", "ControlMaster=no", *_ALIVE]
        if not self.sshpass:
            options += ["-o", "BatchMode=yes"]  # nobody is there to be asked
        if self.port:
            options += [port_flag, str(self.port)]
        if self.connect_timeout is not None:
            options += ["-o", f"ConnectTimeout={self.connect_timeout}"]
        if self.no_host_key_check:
            options += ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"]
        if self.key_file:
            options += ["-i", self.key_file]
        return options

    def _prepare_cmd(self, cmd: Sequence[str]) -> list[str]:
        start = ["sshpass", "-e", "ssh"] if self.sshpass else ["ssh"]
        return [*start, self._host_ref(), *self._options("-p"), *(["-t"] if self.tty else []), *cmd]

    def Popen(self, cmd: Sequence[str], **kwargs: Any) -> subprocess.Popen[Any]:  # noqa: N802 (Luigi's name)
        """Start a command there; the words are joined by spaces, and read by a shell. Arguments as of ``Popen``."""
        return subprocess.Popen(self._prepare_cmd(cmd), **kwargs)

    def check_output(self, cmd: Sequence[str]) -> bytes:
        """What a command prints there. The words are joined by spaces, and read by a shell.

        Raises:
            RemoteCalledProcessError: it ended badly, or the machine was not reached.
        """
        return self.run(cmd)

    def run(self, cmd: Sequence[str], script: str | None = None) -> bytes:
        """As ``check_output``, with a text on the command's standard input."""
        stdin = subprocess.DEVNULL if script is None else subprocess.PIPE
        with self.Popen(cmd, stdin=stdin, stdout=subprocess.PIPE) as process:
            output: bytes = process.communicate(script.encode() if script is not None else None)[0]
        if process.returncode != 0:
            raise RemoteCalledProcessError(process.returncode, cmd, self.host, output=output)
        return output

    def ask(self, cmd: Sequence[str], script: str | None = None) -> bytes:
        """As ``run``, for what changes nothing: a machine that is not reached is asked again."""
        for pause in _PAUSES:
            try:
                return self.run(cmd, script)
            except RemoteCalledProcessError as error:
                if error.returncode != _CONNECTION_FAILED:
                    raise
            time.sleep(pause)
        return self.run(cmd, script)

    @contextmanager
    def tunnel(
        self, local_port: int | str, remote_port: int | str | None = None, remote_host: str = "localhost"
    ) -> Iterator[None]:
        """While the block goes on, ``localhost:local_port`` is ``remote_host:remote_port`` as that machine sees it."""
        remote_port = remote_port or local_port
        command = ["-o", "ExitOnForwardFailure=yes", "-L", f"{local_port}:{remote_host}:{remote_port}"]
        # It ends with its input, so with us, whatever becomes of us.
        command.append("echo -n ready && cat")
        with self.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            if process.stdout.read(5) != b"ready":
                raise RemoteCalledProcessError(process.wait(), command, self.host)
            try:
                yield
            finally:
                process.communicate()
        if process.returncode != 0:
            raise RemoteCalledProcessError(process.returncode, command, self.host)


class RemoteFileSystem(FileSystem):
    """The files of another machine. Arguments as of ``RemoteContext``."""

    answers_in_bulk = True

    def __init__(self, host: str, **options: Any) -> None:
        self.remote_context = RemoteContext(host, **options)

    # Questions

    def exists(self, path: str) -> bool:
        return self._is_true(f"test -e {shlex.quote(path)}")

    def isdir(self, path: str) -> bool:
        return self._is_true(f"test -d {shlex.quote(path)}")

    def exists_many(self, paths: Iterable[str]) -> set[str]:
        """Those of ``paths`` that exist, by one command however many they are."""
        paths = list(paths)
        script = "".join(f"test -e {shlex.quote(path)} && echo y || echo n\n" for path in paths)
        answers = self.remote_context.ask(["sh -s"], script).split()
        return {path for path, answer in zip(paths, answers, strict=True) if answer == b"y"}

    def listdir(self, path: str) -> list[str]:
        folder = shlex.quote(path.rstrip("/") or ("/" if path else "."))
        listed = self.remote_context.ask([f"if test -e {folder}; then find -L {folder} -type f -print0; fi"])
        return [os.fsdecode(name) for name in listed.split(b"\0") if name]

    def modified(self, path: str) -> float | None:
        """When the file was written, in seconds since the epoch; None when there is none."""
        quoted = shlex.quote(path)
        # GNU's stat, or else BSD's.
        seconds = self.remote_context.ask(
            [f"if test -e {quoted}; then stat -c %Y {quoted} 2>/dev/null || stat -f %m {quoted}; fi"]
        )
        return float(seconds) if seconds.strip() else None

    # Changes

    def mkdir(self, path: str, parents: bool = True, raise_if_exists: bool = False) -> None:
        quoted = shlex.quote(path)
        if self._is_true(f"mkdir {'-p ' if parents and not raise_if_exists else ''}{quoted} 2>/dev/null"):
            return
        if self.isdir(path):
            if raise_if_exists:
                raise FileAlreadyExists(f"Cannot make the folder {path}: it exists already.")
            return
        if self.exists(path):
            raise NotADirectory(f"Cannot make the folder {path}: there is a file in its way.")
        if not parents and not self.isdir(posixpath.dirname(path.rstrip("/")) or "."):
            raise MissingParentDirectory(
                f"Cannot make the folder {path}: the folder above it does not exist. Pass parents=True to make both."
            )
        self.remote_context.run([f"mkdir -p {quoted}"])

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        self.remote_context.run([f"rm {'-r ' if recursive else ''}{shlex.quote(path)}"])

    def move(self, path: str, dest: str) -> None:
        self.remote_context.run([f"{_made_folder_of(dest)}mv -f {shlex.quote(path)} {shlex.quote(dest)}"])

    def rename_dont_move(self, path: str, dest: str) -> None:
        source, target = shlex.quote(path), shlex.quote(dest)
        script = f"if test -e {target}; then exit {_TAKEN}; fi; {_made_folder_of(dest)}mv -f {source} {target}"
        try:
            self.remote_context.run([script])
        except RemoteCalledProcessError as error:
            if error.returncode == _TAKEN:
                raise FileAlreadyExists(f"Cannot move {path} to {dest}: something is there already.") from None
            raise

    def copy(self, path: str, dest: str) -> None:
        """Copy a file or folder there; the copy appears when it is whole."""
        unfinished = shlex.quote(temporary_name(dest))
        self.remote_context.run(
            [
                f"{_made_folder_of(dest)}cp -r {shlex.quote(path)} {unfinished} && "
                f"mv -f {unfinished} {shlex.quote(dest)} || {{ rm -rf {unfinished}; exit 1; }}"
            ]
        )

    # Between here and there

    def put(self, local_path: str, path: str) -> None:
        """Bring a file or folder of this machine there; it appears when it is whole."""
        unfinished = temporary_name(path)
        folder = posixpath.dirname(path)
        if folder:
            self.mkdir(folder)
        try:
            if os.path.isdir(local_path):
                self._scp(local_path, unfinished)
            else:
                with open(local_path, "rb") as source:
                    self._send(source, unfinished)
            self.move(unfinished, path)
        except BaseException:
            self.forget(unfinished)
            raise

    def get(self, path: str, local_path: str) -> None:
        """Bring a file of that machine here; it appears when it is whole."""
        unfinished = temporary_name(local_path)
        folder = os.path.dirname(local_path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        try:
            command = [f"cat {shlex.quote(path)}"]
            with open(unfinished, "wb") as out, self.remote_context.Popen(command, stdout=out) as process:
                pass
            if process.returncode != 0:
                raise RemoteCalledProcessError(process.returncode, command, self.remote_context.host)
            os.replace(unfinished, local_path)
        except BaseException:
            if os.path.exists(unfinished):
                os.remove(unfinished)
            raise

    def forget(self, path: str) -> None:
        """Remove what was left unfinished, if it can be; the error on its way says more than one from here."""
        try:
            self.remote_context.run([f"rm -rf {shlex.quote(path)}"])
        except RemoteCalledProcessError:
            pass

    def _send(self, source: IO[bytes], path: str) -> None:
        command = [f"cat > {shlex.quote(path)}"]
        with self.remote_context.Popen(command, stdin=source) as process:
            pass
        if process.returncode != 0:
            raise RemoteCalledProcessError(process.returncode, command, self.remote_context.host)

    def _scp(self, local_path: str, path: str) -> None:
        context = self.remote_context
        start = ["sshpass", "-e", "scp"] if context.sshpass else ["scp", "-B"]
        command = [*start, "-q", "-C", "-r", *context._options("-P"), local_path, f"{context._host_ref()}:{path}"]
        subprocess.run(command, check=True)

    def _is_true(self, condition: str) -> bool:
        try:
            self.remote_context.ask([condition])
        except RemoteCalledProcessError as error:
            if error.returncode != 1:
                raise
            return False
        return True


def _made_folder_of(path: str) -> str:
    """The beginning of a script that makes the folder above."""
    folder = posixpath.dirname(path.rstrip("/"))
    return f"mkdir -p {shlex.quote(folder)} && " if folder else ""


class AtomicRemoteFileWriter(OutputPipeProcessWrapper):
    """A stream into a file on another machine, which gets its name when it is closed.

    Attributes:
        fs: that machine's files.
        path: the name.
        tmp_path: what it is called until then.
    """

    def __init__(self, fs: RemoteFileSystem, path: str) -> None:
        self._fs = fs
        self.path = path
        self._tmp_path = temporary_name(path)
        script = f"{_made_folder_of(path)}cat > {shlex.quote(self._tmp_path)}"
        super().__init__(fs.remote_context._prepare_cmd([script]))

    @property
    def fs(self) -> RemoteFileSystem:
        return self._fs

    @property
    def tmp_path(self) -> str:
        return self._tmp_path

    def close(self) -> None:
        if self.closed:
            return
        try:
            super().close()
            self._fs.move(self._tmp_path, self.path)
        except BaseException:
            self._fs.forget(self._tmp_path)
            raise

    def abort(self) -> None:
        """Forget what was written."""
        if not self.closed:
            super().abort()
            self._fs.forget(self._tmp_path)


class RemoteTarget(FormattedTarget):
    """A file on another machine, read and written in a stream over ``ssh``.

    Args:
        path: its path there.
        host: the machine.
        format: how its bytes are read and written; text by default.
        options: as of ``RemoteContext``.
    """

    def __init__(self, path: str | os.PathLike[str], host: str, format: Format | None = None, **options: Any) -> None:
        super().__init__(path, format)
        self._fs = file_system_of(host, options)

    @property
    def fs(self) -> RemoteFileSystem:
        """The machine's files. Targets that reach it in one way have it in common."""
        return self._fs

    def footprint(self) -> Footprint:
        """The address, without who asks."""
        return Footprint(f"ssh://{self.fs.remote_context.host}/{self.path.lstrip('/')}")

    def modified(self) -> float | None:
        """When the file was written; None when it is not there."""
        return self.fs.modified(self.path)

    def bytes_to_read(self) -> InputPipeProcessWrapper:
        path = shlex.quote(self.path)
        # An empty line first says that the file is there: of an empty one nothing else would come.
        script = f"if test -e {path}; then echo; exec cat {path}; else exit {_MISSING}; fi"
        stream = InputPipeProcessWrapper(self.fs.remote_context._prepare_cmd([script]))
        if stream.read(1) == b"\n":
            return stream
        status = stream._process.wait()
        stream._abort()
        if status == _MISSING:
            raise FileNotFoundError(f"There is no {self.path} on {self.fs.remote_context.host}.")
        raise RemoteCalledProcessError(status, ["cat", self.path], self.fs.remote_context.host)

    def bytes_to_write(self) -> Any:
        return AtomicRemoteFileWriter(self.fs, self.path)

    def put(self, local_path: str) -> None:
        """Bring a file of this machine there."""
        self.fs.put(local_path, self.path)

    def get(self, local_path: str) -> None:
        """Bring the file here."""
        self.fs.get(self.path, local_path)


_file_systems: dict[str, RemoteFileSystem] = {}


def file_system_of(host: str, options: dict[str, Any]) -> RemoteFileSystem:
    """The files of a machine: the same object for the same way to it, so that its targets are asked together."""
    key = repr((host, sorted(options.items())))
    if key not in _file_systems:
        _file_systems[key] = RemoteFileSystem(host, **options)
    return _file_systems[key]
