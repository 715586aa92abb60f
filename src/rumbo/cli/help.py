"""Help pages, and the words for parameters in them: flag, kind, default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.cli.arguments import parameter_flag, takes_no_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rumbo.cli.arguments import Option
    from rumbo.pipeline.parameter import Parameter
    from rumbo.pipeline.task import Task

_FEW_CHOICES = 6
_KINDS = {"sequence": "list", "fixedsequence": "list", "set": "list", "mapping": "dict", "record": "json"}


def help_text(
    usage: str, about: str, sections: Iterable[tuple[str, Iterable[tuple[str, str]]]], width: int = 100
) -> str:
    """A help page: how to call it, what it does, and lists of names with what they mean."""
    from textwrap import fill, wrap

    lines = [f"Usage: {usage}", "", *(fill(part, width) for part in about.split("\n") if part)]
    for title, rows in sections:
        rows = list(rows)
        if not rows:
            continue
        lines += ["", f"{title}:"]
        indent = min(max(len(name) for name, _ in rows) + 4, 34)
        for name, meaning in rows:
            wrapped = wrap(meaning, width - indent) or [""]
            head = f"  {name}"
            if len(head) + 2 > indent:
                lines.append(head)
                head = ""
            lines.append((head.ljust(indent) + wrapped[0]).rstrip())
            lines += [" " * indent + each for each in wrapped[1:]]
    return "\n".join(lines)


def option_rows(options: Iterable[Option]) -> list[tuple[str, str]]:
    """Options as rows of a help page."""
    rows = []
    for option in options:
        value = f" {'|'.join(option.choices) or option.metavar}" if option.metavar else ""
        rows.append((", ".join(option.flags) + value, option.help))
    return rows


def parameter_rows(cls: type[Task]) -> list[tuple[str, str]]:
    """A task's parameters as rows of a help page: flag, kind, default, description."""
    rows = []
    for name, parameter in cls.get_params():
        kind = kind_of(parameter)
        flag = parameter_flag(name)
        head = flag if takes_no_value(parameter) else f"{flag} {kind if '|' in kind else kind.upper()}"
        parts = [parameter.description or ""]
        default = default_of(cls, name, parameter)
        parts.append("(required)" if default is None else f"(default: {default or repr(default)})")
        rows.append((head, " ".join(part for part in parts if part)))
    return rows


def default_of(cls: type[Task], name: str, parameter: Parameter[Any]) -> str | None:
    """The text of the value that a parameter has if nobody says otherwise; None when it must be given."""
    try:
        if not parameter.has_task_value(cls.get_task_family(), name):
            return None
        return parameter.serialize(parameter.task_value(cls.get_task_family(), name))
    except Exception as error:  # noqa: BLE001 - a default may be a stranger's object; a help page must not fail on it
        return f"<{type(error).__name__}>"


def kind_of(parameter: Parameter[Any]) -> str:
    """What kind of value a parameter takes, in a word: ``int``, ``date``, ``short|long``."""
    choices = choices_of(parameter)
    if choices and len(choices) <= _FEW_CHOICES:
        return "|".join(choices)
    name = type(parameter).__name__.removesuffix("Parameter")
    for beginning in ("Optional", "Nullable", "Strict"):
        name = name.removeprefix(beginning) or name
    name = name.lower()
    return _KINDS.get(name, name or "text")


def choices_of(parameter: Parameter[Any]) -> list[str]:
    """The texts of the values there are to choose from; none for numbers, texts and dates."""
    enumeration = getattr(parameter, "_enum", None)
    if enumeration is not None:
        return [member.name for member in enumeration]
    by_text = getattr(parameter, "_by_text", None)
    if by_text is not None:
        return list(by_text)
    return sorted(map(str, getattr(parameter, "_choices", ())))
