"""What a person sees when something goes wrong, and with which exit code the program ends."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from rumbo.cli.finding import failure_text, trimmed
from rumbo.cli.main import guarded
from rumbo.cli.planning import Counter
from rumbo.errors import ConfigurationError, CycleError, StoreBusy

if TYPE_CHECKING:
    from typing import Any


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def raising(error: BaseException) -> Any:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ConfigurationError("Wrong."), 2, "rumbo: Wrong.\n"),
        (StoreBusy("Busy."), 1, "rumbo: Busy.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_errors_are_sentences(error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(error)) == code
    assert capsys.readouterr() == ("", text)


def test_a_circle_is_a_failure_and_no_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(CycleError(("a", "b", "a")))) == 1


def test_an_error_of_strangers_shows_their_frames(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(ValueError("no"))) == 1

    text = capsys.readouterr().err
    assert "in command" in text
    assert "in guarded" not in text
    assert text.endswith("ValueError: no\n")


def test_an_error_of_ours_asks_to_be_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: trimmed(None)) == 1  # type: ignore[arg-type, return-value]

    assert capsys.readouterr().err.endswith(
        "rumbo: This is an error in Rumbo itself. Please report it with the lines above.\n"
    )


def test_frames_of_ours_are_left_out_of_tracebacks() -> None:
    import rumbo.worker.attempt as ours

    text = (
        "Runtime error:\nTraceback (most recent call last):\n"
        f'  File "{ours.__file__}", line 70, in start\n    result = task.run()\n             ^^^^^^^^^^\n'
        '  File "/home/me/shop.py", line 3, in run\n    raise ValueError("no")\nValueError: no\n  with details\n'
    )

    assert failure_text(text) == (
        'Traceback (most recent call last):\n  File "/home/me/shop.py", line 3, in run\n    raise ValueError("no")\n'
        "ValueError: no\n  with details"
    )


def test_within_a_group_of_errors_our_frames_are_left_out_too() -> None:
    import rumbo.worker.attempt as ours

    text = (
        "  + Exception Group Traceback (most recent call last):\n"
        f'  |   File "{ours.__file__}", line 7, in x\n'
        "  |     y()\n"
        '  |   File "/home/ana/flights.py", line 12, in run\n'
        "  |     raise ExceptionGroup('several', errors)\n"
        "  | ExceptionGroup: several (1 sub-exception)\n"
    )

    assert trimmed(text) == (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/home/ana/flights.py", line 12, in run\n'
        "  |     raise ExceptionGroup('several', errors)\n"
        "  | ExceptionGroup: several (1 sub-exception)\n"
    )


def test_a_traceback_of_nothing_but_ours_becomes_the_error_alone() -> None:
    import rumbo.worker.attempt as ours

    frame = f'  File "{ours.__file__}", line 7, in x\n    y()\n'
    text = f"Traceback (most recent call last):\n{frame}rumbo.errors.TaskError: no\n"

    assert failure_text(text) == "no"
    assert failure_text("just words") == "just words"


def test_who_waits_for_a_plan_sees_it_grow() -> None:
    out = Screen()
    counter = Counter(out, patience=0.0)

    counter(12_345)
    counter(12_346)
    counter.clear()

    assert out.getvalue() == "\r12,345 tasks found, and looking on ...\x1b[K\r\x1b[K"


def test_where_nobody_looks_nothing_is_counted() -> None:
    out = io.StringIO()
    counter = Counter(out, patience=0.0)

    counter(5)
    counter.clear()

    assert out.getvalue() == ""
