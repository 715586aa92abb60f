"""Tasks that run a program of the operating system, and end it with all that it started when they are stopped.

In a pool of processes a program belongs to the process group of the attempt, which ends as a whole on a timeout, a
cancellation or the death of the attempt's process. Elsewhere an exception in the waiting code (Ctrl-C, the alarm of a
timeout) ends the program's tree of processes here: first SIGTERM, then, for what is still there, SIGKILL.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import subprocess
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any, ClassVar

from rumbo.errors import TaskError
from rumbo.pipeline import typed
from rumbo.pipeline.parameter import ParameterVisibility
from rumbo.pipeline.parameters.choices import ChoiceParameter
from rumbo.pipeline.parameters.scalars import BoolParameter, OptionalParameter
from rumbo.pipeline.publish import publish
from rumbo.pipeline.target import FileSystemTarget, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "ExternalProgramRunError",
    "ExternalProgramTask",
    "ExternalPythonProgramTask",
    "ProgramWork",
    "PythonProgramWork",
    "ShellTask",
    "run_program",
    "shown",
    "stop_tree",
]

logger = logging.getLogger("luigi-interface")

_GRACE = 2.0
"""Seconds between asking processes to end and ending them."""
_DESCRIPTORS = {"stdout": 1, "stderr": 2}
_SHOWN = 8_000
"""Characters of each stream's end that an error message shows."""


class ExternalProgramRunError(TaskError, RuntimeError):
    """A program ended with another exit code than 0.

    The values of environment variables are in ``env`` for programs, but not in the message: some are secrets.

    Attributes:
        message: what happened, without the output.
        args: the command, as a list of words.
        env: the environment that the program had.
        out: what it wrote to its standard output; None when that was not captured.
        err: the same for standard error.
    """

    def __init__(
        self,
        message: str,
        args: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdout: str | None = None,
        stderr: str | None = None,
    ) -> None:
        super().__init__(message, args, env, stdout, stderr)
        self.message = message
        self.args: Any = args
        self.env = env
        self.out = stdout
        self.err = stderr

    def __str__(self) -> str:
        lines = [self.message, f"COMMAND: {shown(self.args)}"]
        lines += [f"STDOUT: {_end_of(self.out)}", f"STDERR: {_end_of(self.err)}"]
        changed = sorted(name for name, value in (self.env or {}).items() if os.environ.get(name) != value)
        if changed:
            lines.append(f"ENVIRONMENT: with values of its own for {', '.join(changed)}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.args, self.env, self.out, self.err)


_SECRET = re.compile(r"secret|password|passwd|token|access.?key", re.IGNORECASE)


def shown(args: Sequence[Any]) -> str:
    """A command as people may see it: what the name of an option or setting calls a secret is not there."""
    words = []
    is_secret = False
    for word in map(str, args):
        name, sign, _ = word.partition("=")
        if is_secret:
            words.append("***")
        elif sign and _SECRET.search(name):
            words.append(f"{name}=***")
        else:
            words.append(word)
        is_secret = word.startswith("-") and not sign and _SECRET.search(word) is not None
    return shlex.join(words)


def _end_of(text: str | None) -> str:
    if not text:
        return "[empty]"
    return text if len(text) <= _SHOWN else f"[{len(text) - _SHOWN} characters, then] {text[-_SHOWN:]}"


def stop_tree(process: subprocess.Popen[Any]) -> None:
    """End a program and all processes below it; what does not heed SIGTERM within 2 s is killed."""
    import psutil

    try:
        top = psutil.Process(process.pid)
        tree = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in tree:
        with _may_be_gone():
            one.terminate()
    _, alive = psutil.wait_procs(tree, timeout=_GRACE)
    for one in alive:
        with _may_be_gone():
            one.kill()
    process.wait()


@contextmanager
def _may_be_gone() -> Iterator[None]:
    import psutil

    try:
        yield
    except psutil.NoSuchProcess:
        pass


def run_program(
    args: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: IO[Any] | None = None,
    stdout: IO[Any] | None = None,
    stderr: IO[Any] | None = None,
    taps: Mapping[str, Callable[[bytes], None]] | None = None,
) -> int:
    """Run a program to its end, and give its exit code; below 0, the signal that ended it.

    Args:
        args: the program and its arguments.
        env: its whole environment; None for this process's own.
        cwd: the folder it starts in.
        stdin: where it reads from.
        stdout: where its output goes; None: where ours goes.
        stderr: the same for standard error.
        taps: for ``stdout``, ``stderr`` or both, what to call with each line instead, in another thread.

    Raises:
        TaskError: there is no such program.
    """
    taps = taps or {}
    out = subprocess.PIPE if "stdout" in taps else stdout
    err = subprocess.PIPE if "stderr" in taps else stderr
    try:
        process: subprocess.Popen[bytes] = subprocess.Popen(args, env=env, cwd=cwd, stdin=stdin, stdout=out, stderr=err)
    except FileNotFoundError as error:
        missing = cwd if cwd and error.filename == cwd else args[0]
        path = (os.environ if env is None else env).get("PATH", "empty")
        raise TaskError(f"There is no {missing}. Install it, or give its whole path; PATH is {path}.") from error
    try:
        readers = [_Reader(pipe, taps[name]) for name in taps if (pipe := getattr(process, name)) is not None]
        process.wait()
        for reader in readers:
            reader.finish()
    except BaseException:
        stop_tree(process)
        raise
    return process.returncode


class _Reader(threading.Thread):
    """Reads a pipe line by line, as lines come."""

    def __init__(self, pipe: IO[bytes], take: Callable[[bytes], None]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._take = take
        self._lock = threading.Lock()
        self._is_open = True
        self.start()

    def run(self) -> None:
        with self._pipe:
            for line in self._pipe:
                with self._lock:
                    if not self._is_open:
                        return
                    self._take(line)

    def finish(self) -> None:
        """Wait for what the program wrote last. What it left running may hold the pipe for ever, and is not heard."""
        self.join(_GRACE)
        with self._lock:
            self._is_open = False


class ProgramWork:
    """What a task that runs a program has and does, whatever kind of task it is.

    Override `program_args`; where needed also `program_environment`, `always_log_stderr` and `build_tracking_url`.
    """

    shows_output_live: ClassVar[bool] = True
    """Captured output is also in the attempt's log, as it comes. Without this it is told to the logger at the end."""

    if TYPE_CHECKING:
        set_tracking_url: Any
        capture_output: bool
        stream_for_searching_tracking_url: str
        tracking_url_pattern: str | None

    else:
        capture_output = BoolParameter(default=True, significant=False, positional=False)
        stream_for_searching_tracking_url = ChoiceParameter(
            var_type=str,
            choices=["none", "stdout", "stderr"],
            default="none",
            significant=False,
            positional=False,
            visibility=ParameterVisibility.HIDDEN,
            description="Where the program tells the address at which it can be watched: stdout, stderr or none",
        )
        tracking_url_pattern = OptionalParameter(
            default=None,
            significant=False,
            positional=False,
            visibility=ParameterVisibility.HIDDEN,
            description="Regular expression for that address; its first group is the address",
        )

    def program_args(self) -> Sequence[Any]:
        """The program and its arguments. They are passed as they are: no shell reads them."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say which program to run. Give it a program_args() that returns a list."
        )

    def program_environment(self) -> Mapping[str, str]:
        """The program's whole environment."""
        return os.environ.copy()

    def program_folder(self) -> str | None:
        """The folder that the program starts in; None for the current one."""
        return None

    @property
    def always_log_stderr(self) -> bool:
        """Whether captured errors are logged also when all went well."""
        return True

    def build_tracking_url(self, logs_output: str) -> str:
        """The address to show, made from what `tracking_url_pattern` found."""
        return logs_output

    def run(self) -> Any:
        """Run the program.

        Raises:
            ExternalProgramRunError: it ended with another code than 0.
        """
        self.run_to_the_end([str(word) for word in self.program_args()], dict(self.program_environment()))

    def run_to_the_end(self, args: list[str], env: dict[str, str]) -> None:
        """Run a command as this task runs its program: captured, watched for an address, checked."""
        logger.info("Running command: %s", self.shown_command(args))
        with ExitStack() as files:
            captured: dict[str, IO[bytes]] = {}
            if self.capture_output:
                captured = {name: files.enter_context(tempfile.TemporaryFile()) for name in _DESCRIPTORS}
            taps = {name: self._tap(name, captured.get(name)) for name in _DESCRIPTORS if self._must_hear(name)}
            code = run_program(
                args,
                env=env,
                cwd=self.program_folder(),
                stdout=captured.get("stdout"),
                stderr=captured.get("stderr"),
                taps=taps,
            )
            out, err = (_content(captured.get(name)) for name in _DESCRIPTORS)
        if not self.shows_output_live:
            self._log_output(out, err, code)
        if code:
            raise ExternalProgramRunError(f"Program failed with return code={code}:", args, env, out, err)

    def _log_output(self, out: str | None, err: str | None, code: int) -> None:
        if out:
            logger.info("Program stdout:\n%s", out)
        if err and (self.always_log_stderr or code):
            logger.info("Program stderr:\n%s", err)

    def _must_hear(self, stream: str) -> bool:
        return self._watches(stream) or (self.capture_output and self.shows_output_live)

    def _watches(self, stream: str) -> bool:
        return self.tracking_url_pattern is not None and self.stream_for_searching_tracking_url == stream

    def _tap(self, stream: str, file: IO[bytes] | None) -> Callable[[bytes], None]:
        """What to do with each line of a stream."""

        def take(line: bytes) -> None:
            if file is not None:
                file.write(line)
            if file is None or self.shows_output_live:
                os.write(_DESCRIPTORS[stream], line)
            if self._watches(stream):
                self._look_for_url(line)

        return take

    def shown_command(self, args: Sequence[str]) -> str:
        """The command as the log shows it. Override it where an argument is a secret that does not look like one."""
        return shown(args)

    def _look_for_url(self, line: bytes) -> None:
        found = re.search(self.tracking_url_pattern or "", line.decode(errors="replace"))
        if found and self.set_tracking_url is not None:
            self.set_tracking_url(self.build_tracking_url(found[1]))


def _content(file: IO[bytes] | None) -> str | None:
    if file is None:
        return None
    file.seek(0)
    return file.read().decode(errors="replace")


class PythonProgramWork(ProgramWork):
    """The same for a program in Python, perhaps in a virtual environment of its own."""

    if TYPE_CHECKING:
        virtualenv: str | None
        extra_pythonpath: str | None
    else:
        virtualenv = OptionalParameter(
            default=None, positional=False, description="Folder of the virtual environment whose programs come first"
        )
        extra_pythonpath = OptionalParameter(
            default=None, positional=False, description="Folders, joined by colons, that go before PYTHONPATH"
        )

    def program_environment(self) -> Mapping[str, str]:
        """As the environment's ``activate`` script would set it."""
        env = dict(super().program_environment())
        if self.extra_pythonpath:
            env["PYTHONPATH"] = _before(self.extra_pythonpath, env.get("PYTHONPATH"))
        if self.virtualenv:
            env["PATH"] = _before(f"{self.virtualenv}/bin", env.get("PATH"))
            env["VIRTUAL_ENV"] = self.virtualenv
            env.pop("PYTHONHOME", None)
        return env


def _before(first: str, rest: str | None) -> str:
    # An empty part would mean the current folder.
    return f"{first}:{rest}" if rest else first


class ExternalProgramTask(ProgramWork, typed.Task):
    """A task that runs a program."""


class ExternalPythonProgramTask(PythonProgramWork, typed.Task):
    """A task that runs a program in Python."""


class ShellTask(ProgramWork, typed.Task):
    """A task that runs a command of the shell, and publishes the files it makes when it went well.

    The command finds in its environment the task's parameters under their names, the paths of its inputs in
    ``$input``, and in ``$output`` a temporary path to write to. Where there are several inputs or outputs, each is
    ``$input_NAME``: the key of the dictionary, or the number in the list, from 0.

        class Sorted(ShellTask):
            day: dt.date
            command = 'sort "$input" > "$output"'
            ...
    """

    command: ClassVar[str] = ""
    shell: ClassVar[Sequence[str]] = ("bash", "-euo", "pipefail", "-c")
    """What runs the command. The default stops at the first error, also one within a pipe or of a missing variable."""

    def program_args(self) -> Sequence[str]:
        """The shell, with the command."""
        if not self.command:
            raise TaskError(f"{type(self).__name__} does not say what to run. Give it a command = '...'.")
        return [*self.shell, self.command]

    def program_environment(self) -> dict[str, str]:
        """The parameters and the inputs, beside what this process has."""
        values = self.to_str_params()
        return {**os.environ, **values, **_named_paths("input", self.input())}

    def run(self) -> Any:
        """Run the command; the outputs appear together at the end, or not at all.

        Raises:
            ExternalProgramRunError: the command failed.
        """
        outputs = _by_name("output", self.output())
        env = dict(self.program_environment())
        args = [str(word) for word in self.program_args()]
        files = {name: target for name, target in outputs.items() if isinstance(target, FileSystemTarget)}
        if not files:
            self.run_to_the_end(args, env)
            return
        with publish(*files.values(), paths=True) as paths:
            self.run_to_the_end(args, {**env, **dict(zip(files, paths, strict=True))})


def _by_name(kind: str, given: Any) -> dict[str, Target]:
    """Targets by the names of their variables."""
    if isinstance(given, Target):
        return {kind: given}
    items = given.items() if hasattr(given, "items") else enumerate(given or ())
    named: dict[str, Target] = {}
    for name, value in items:
        named.update(_by_name(f"{kind}_{name}", value))
    return named


def _named_paths(kind: str, given: Any) -> dict[str, str]:
    return {name: str(target) for name, target in _by_name(kind, given).items()}
