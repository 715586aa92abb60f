"""The program `rumbo`: chooses the command, and turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rumbo.errors import (
    ConfigurationError,
    MissingExtraError,
    ParameterError,
    RegistryError,
    RumboError,
)

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
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python must not complain again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RumboError, RecursionError) as error:
        sys.stdout.flush()
        print(_sentence(error), file=sys.stderr)
        return _code(error)
    except Exception as error:  # noqa: BLE001 - the last resort: tell strangers' errors from our own
        sys.stdout.flush()
        return _unexpected(error)


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
    import traceback

    from rumbo.cli.finding import is_ours, trimmed

    text = "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    if any(not is_ours(frame.filename) for frame in frames[1:]) and not is_ours(frames[-1].filename):
        print(trimmed(text), file=sys.stderr)
    else:
        print(
            f"{text}\nrumbo: This is an error in Rumbo itself. Please report it with the lines above.", file=sys.stderr
        )
    return FAILED
