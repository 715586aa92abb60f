"""The program `rumbo`: chooses the command, and turns errors into sentences and exit codes."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import TYPE_CHECKING

from rumbo.cli import streams
from rumbo.errors import (
    ConfigurationError,
    MissingExtraError,
    ParameterError,
    RegistryError,
    RumboError,
)
from rumbo.wording import is_ours, is_users

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALL_COMPLETE = 0
FAILED = 1
USAGE = 2
INCOMPLETE = 3
INTERRUPTED = 130

TASK_COMMANDS = {
    "run": "run",
    "plan": "plan",
    "graph": "plan",
    "tree": "tree",
    "deps": "deps",
    "why": "why",
    "clean": "clean",
}
"""Commands that name tasks, and the modules that have them. They read their words themselves: see `arguments`."""


def main(words: Sequence[str] | None = None) -> int:
    """Carry out a command line, that of the process by default; gives the exit code."""
    streams.make_reliable()
    warnings.formatwarning = _warning_text
    words = list(sys.argv[1:] if words is None else words)
    if words and words[0] in TASK_COMMANDS and "_RUMBO_COMPLETE" not in os.environ:
        # Click takes longer to import than such a command takes to run.
        name = words[0]
        return guarded(lambda: task_command(name)(words[1:]))
    return guarded(lambda: _by_click(words))


def task_command(name: str) -> Callable[[Sequence[str]], int]:
    """The function behind a command that names tasks."""
    from importlib import import_module

    function: Callable[[Sequence[str]], int] = getattr(import_module(f"rumbo.cli.{TASK_COMMANDS[name]}"), name)
    return function


def _by_click(words: list[str]) -> int:
    from rumbo.cli.group import call

    return call(words)


def guarded(command: Callable[[], int]) -> int:
    """Call a command; errors become a sentence on standard error and the exit code that fits."""
    try:
        code = command()
        broken = streams.flush()
        return code if broken is None else _cannot_write(broken)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError as error:
        streams.flush()
        return _cannot_write(error)
    except (RumboError, RecursionError) as error:
        streams.flush()
        print(_sentence(error), file=sys.stderr)
        return _code(error)
    except Exception as error:  # noqa: BLE001 - the last resort: tell strangers' errors from our own
        broken = streams.flush()
        return _unexpected(error) if broken is None else _cannot_write(broken)


_pythons_warning = warnings.formatwarning


def _warning_text(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning about a user's tasks without the line of ours that came upon them; any other as Python shows it."""
    return f"rumbo: {message}\n" if is_ours(filename) else _pythons_warning(message, category, filename, lineno, line)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _has_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _cannot_write(error: OSError) -> int:
    """Standard output took no more."""
    if isinstance(error, BrokenPipeError):
        return ALL_COMPLETE  # whoever read it has seen enough
    print(_sentence(RumboError(f"The output of this command cannot be written: {error.strerror}.")), file=sys.stderr)
    return FAILED


def _sentence(error: BaseException) -> str:
    from rumbo.cli.look import Ink

    ink = Ink(sys.stderr)
    return f"{ink.paint('rumbo:', 'failed')} {error}"


def _code(error: BaseException) -> int:
    from rumbo.cli.arguments import UsageError

    of_usage = (UsageError, ConfigurationError, ParameterError, RegistryError, MissingExtraError)
    return USAGE if isinstance(error, of_usage) else FAILED


def _unexpected(error: Exception) -> int:
    """An error that nobody raised on purpose: show the frames of the user's code, or all if there are none."""
    from rumbo.cli.finding import traceback_of, trimmed

    text = "".join(traceback_of(error)).rstrip()
    if is_users(error):
        print(trimmed(text), file=sys.stderr)
    elif isinstance(error, OSError) and error.errno in _FULL:
        return _cannot_write(error)
    elif isinstance(error, FileNotFoundError) and not _has_folder():
        print(_sentence(RumboError("The current folder is gone: go to one that is there.")), file=sys.stderr)
    else:
        print(
            f"{text}\nrumbo: This is an error in Rumbo itself. Please report it with the lines above.", file=sys.stderr
        )
    return FAILED
