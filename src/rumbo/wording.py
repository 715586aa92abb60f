"""How strangers' values and errors are put into our sentences: short enough to read, and with the user's own lines."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traceback import FrameSummary

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_OUR_ERRORS = re.compile(r"rumbo(?:\.\w+)+: ")
_LAST_FRAME = re.compile(r'.*^  File "[^\n]*\n(?:  [ \[][^\n]*\n)*', re.MULTILINE | re.DOTALL)


def shortened(text: str, limit: int = 200) -> str:
    """A text on one line and of bearable length: what is too long loses its middle."""
    if len(text) > limit:
        text = f"{text[: limit * 2 // 3]} … {text[-limit // 4 :]}"
    return text if text.isprintable() else "".join([each if each.isprintable() else repr(each)[1:-1] for each in text])


def duration(seconds: float) -> str:
    """Seconds as people say them: ``0.4s``, ``12s``, ``2m 04s``, ``3h 07m``, ``2d 5h``."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes}m {rest:02d}s"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if days else f"{hours}h {minutes:02d}m"


def described(value: Any) -> str:
    """A value that is not what it should be, with its kind: ``5, of type int``; ``the class Clean``."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"{shortened(repr(value))}, of type {type(value).__name__}"


def is_ours(path: str) -> bool:
    """Whether a file belongs to Rumbo, or to Python's own import system."""
    return path.startswith((_OURS, "<frozen "))


def is_users(error: BaseException) -> bool:
    """Whether an error came up in the user's code or in a library that it called, and not in ours."""
    from traceback import extract_tb

    return bool(_own_frames(error)) and not is_ours(extract_tb(error.__traceback__)[-1].filename)


def _own_frames(error: BaseException) -> list[FrameSummary]:
    from traceback import extract_tb

    frames = extract_tb(error.__traceback__)
    return [frame for frame in frames if not is_ours(frame.filename) and not _is_installed(frame.filename)]


def _is_installed(path: str) -> bool:
    return path.startswith(os.path.dirname(os.__file__) + os.sep) or "site-packages" in path


def place_of(error: BaseException) -> str:
    """The user's line that led to an error: ``line 12 of flights.py``; empty if there is none."""
    frames = _own_frames(error)
    if not frames:
        return ""
    path = frames[-1].filename
    here = os.getcwd() + os.sep
    return f"line {frames[-1].lineno} of {path.removeprefix(here)}"


def brief(error: BaseException) -> str:
    """An error of the user's code in a few words, with its line; of our own errors the sentence, without its stop."""
    text = shortened(str(error).strip().split("\n", 1)[0])
    if any(base.__module__ == "rumbo.errors" for base in type(error).__mro__):
        return text.removesuffix(".")
    kind = type(error).__name__
    place = place_of(error)
    return (f"{kind}: {text}" if text else kind) + (f" ({place})" if place else "")


def cause_in(message: str) -> str:
    """The line that says what went wrong: of a traceback the first of its last error, of anything else the last."""
    text = message.strip()
    frames = _LAST_FRAME.match(text)
    if frames is not None and frames.end() < len(text):
        return plain_cause(text[frames.end() :].split("\n", 1)[0].strip())
    return plain_cause(text.rpartition("\n")[2].strip())


def plain_cause(line: str) -> str:
    """The line of a traceback with the error; of our own errors the sentence alone, which says all there is to say."""
    return _OUR_ERRORS.sub("", line, count=1) if line.startswith("rumbo.") else line
