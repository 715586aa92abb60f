"""The words of a command without values that are not public, for the history and for other people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rumbo.cli.arguments import Line


def without_secrets(words: Sequence[str], line: Line) -> list[str]:
    """The words with each value masked that is not public, and the passwords in addresses."""
    from rumbo.settings import without_passwords

    secrets = dict(_secrets(line))
    masked: list[str] = []
    for word in words:
        flag, equals, _ = word.partition("=")
        if equals and _spelled(flag) in secrets:
            masked.append(f"{flag}=***")
        elif masked and secrets.get(_spelled(masked[-1])) == word:
            masked.append("***")
        else:
            masked.append(without_passwords(word))
    return masked


def _secrets(line: Line) -> Iterator[tuple[str, str]]:
    """The flags by which values were given that are not public, in one spelling, and the values."""
    from rumbo.pipeline.parameter import ParameterVisibility
    from rumbo.pipeline.registry import Register

    for wanted in line.wanted:
        for name, parameter in wanted.cls.get_params():
            if parameter.visibility != ParameterVisibility.PUBLIC and name in wanted.texts:
                yield _spelled(f"--{name}"), wanted.texts[name]
    for (family, name), text in line.others.items():
        if dict(Register.get_task_cls(family).get_params())[name].visibility != ParameterVisibility.PUBLIC:
            yield _spelled(f"--{family}_{name}"), text
            yield _spelled(f"--{name}"), text


def _spelled(flag: str) -> str:
    return flag.replace("-", "_")
