"""The words of a command without the values of private parameters, for the history and for other people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.cli.arguments import Line


def without_secrets(words: Sequence[str], line: Line) -> list[str]:
    """The words with each value of a private parameter masked."""
    secrets = dict(_secrets(line))
    masked: list[str] = []
    for word in words:
        flag, equals, _ = word.partition("=")
        if equals and _spelled(flag) in secrets:
            masked.append(f"{flag}=***")
        elif masked and secrets.get(_spelled(masked[-1])) == word:
            masked.append("***")
        else:
            masked.append(word)
    return masked


def _secrets(line: Line) -> Iterator[tuple[str, str]]:
    """The flags by which values of private parameters were given, in one spelling, and the values."""
    from rumbo.pipeline.parameter import ParameterVisibility
    from rumbo.pipeline.registry import Register

    for wanted in line.wanted:
        for name, parameter in wanted.cls.get_params():
            if parameter.visibility == ParameterVisibility.PRIVATE and name in wanted.texts:
                yield _spelled(f"--{name}"), wanted.texts[name]
    for (family, name), text in line.others.items():
        if dict(Register.get_task_cls(family).get_params())[name].visibility == ParameterVisibility.PRIVATE:
            yield _spelled(f"--{family}_{name}"), text
            yield _spelled(f"--{name}"), text


def _spelled(flag: str) -> str:
    return flag.replace("-", "_")
