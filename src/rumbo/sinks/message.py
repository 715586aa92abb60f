"""Alerts in words: the subject and the text of a message about one, or about many together."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from rumbo.alerts import Event, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rumbo.ports import Alert

_LINES = 20
"""Lines of an error that are shown where many alerts share a message: its last ones."""
_SUBJECT = 150
"""Characters of a subject."""


class Words(NamedTuple):
    """How an event is told."""

    about_one: str
    """What follows the name of whom it is about."""
    one: str
    many: str
    colour: str


_WORDS = {
    Event.TASK_FAILED: Words("failed", "task failed", "tasks failed", "#c8501e"),
    Event.TASK_DISABLED: Words("was disabled", "task disabled", "tasks disabled", "#b07d00"),
    Event.RUN_FAILED: Words("failed", "run failed", "runs failed", "#c8501e"),
    Event.RUN_DONE: Words("is done", "run done", "runs done", "#2e7d4f"),
    Event.SCHEDULING_FAILED: Words(
        "could not be scheduled", "task could not be scheduled", "tasks could not be scheduled", "#c8501e"
    ),
    Event.WORKER_LOST: Words("was lost", "worker lost", "workers lost", "#b07d00"),
    Event.ATTEMPT_FAILED: Words("failed, and is tried again", "attempt failed", "attempts failed", "#c8501e"),
    Event.TASK_STARTED: Words("began", "task began", "tasks began", "#2563b0"),
    Event.TASK_DONE: Words("is done", "task done", "tasks done", "#2e7d4f"),
    Event.RUN_STARTED: Words("began", "run began", "runs began", "#2563b0"),
    Event.RUN_CANCELLED: Words("was cancelled", "run cancelled", "runs cancelled", "#5a6270"),
    Event.TEST: Words("This is a test", "test", "tests", "#2563b0"),
}


def name_of(alert: Alert) -> str:
    """Whom an alert is about: a task with its parameters, a run, or a worker; empty if it is about none."""
    if alert.family:
        return f"{alert.family}({', '.join(f'{name}={value}' for name, value in alert.params.items())})"
    return alert.task or (f"Run {alert.run}" if alert.run else f"Worker {alert.worker}" if alert.worker else "")


def headline_of(alert: Alert) -> str:
    """What happened, in one line without a full stop."""
    return f"{name_of(alert)} {_WORDS[Event(alert.event)].about_one}".strip()


def subject_of(alerts: Sequence[Alert]) -> str:
    """What a message is about, in one line."""
    if len(alerts) == 1:
        line = _writable(" ".join(headline_of(alerts[0]).split()))
        return line if len(line) <= _SUBJECT else f"{line[: _SUBJECT // 2 - 3]} ... {line[-(_SUBJECT // 2 - 3) :]}"
    return counted(alerts)


def counted(alerts: Iterable[Alert]) -> str:
    """How many alerts there are of each kind: ``3 tasks failed, 1 worker lost``."""
    counts: dict[str, int] = {}
    for alert in alerts:
        counts[alert.event] = counts.get(alert.event, 0) + 1
    known = [(_WORDS[event], counts[event]) for event in _WORDS if event in counts]
    return ", ".join(f"{many} {words.one if many == 1 else words.many}" for words, many in known)


class Group(NamedTuple):
    """Alerts that are told together."""

    name: str
    alerts: tuple[Alert, ...]

    @property
    def headline(self) -> str:
        """Their name and how many of each kind there are; of a single one, what happened."""
        if len(self.alerts) == 1:
            return headline_of(self.alerts[0])
        return f"{self.name}: {counted(self.alerts)}"

    @property
    def error(self) -> str:
        """The end of the last message among them."""
        messages = [alert.message for alert in self.alerts if alert.message]
        return "\n".join(messages[-1].rstrip().splitlines()[-_LINES:]) if messages else ""


def groups_of(alerts: Iterable[Alert], group_by: str) -> list[Group]:
    """Alerts by what they have in common, the largest groups first.

    Args:
        group_by: ``family``; ``params``, which is the family and all parameters but those in which the tasks of a
            batch may differ; or ``task``.
    """
    found: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        shared = {"family": alert.family, "params": alert.group, "task": name_of(alert)}[group_by]
        found[shared or name_of(alert)].append(alert)
    groups = [Group(name, tuple(some)) for name, some in found.items()]
    return sorted(groups, key=lambda group: (-len(group.alerts), group.name))


def _writable(text: str) -> str:
    """The text, with what UTF-8 cannot hold (halves of surrogate pairs, from odd file names) spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


# Plain text ------------------------------------------------------------------------------------------------------


def text_of(alerts: Sequence[Alert], group_by: str = "family") -> str:
    """The body of a message, in plain text."""
    return _writable(_text_of_one(alerts[0]) if len(alerts) == 1 else _text_of_many(alerts, group_by))


def _text_of_one(alert: Alert) -> str:
    parts = [f"{headline_of(alert)}.", "\n".join(f"{name + ':':9}{value}" for name, value in _facts(alert))]
    parts += [alert.message.rstrip()] if alert.message else []
    parts += [f"The end of its output:\n\n{alert.log.rstrip()}"] if alert.log else []
    return "\n\n".join(filter(None, parts)) + "\n"


def _text_of_many(alerts: Sequence[Alert], group_by: str) -> str:
    parts = []
    for group in groups_of(alerts, group_by):
        lines = [f"- {group.headline}"]
        lines += [f"  {link}" for link in _links(group)]
        lines += ["", *(f"      {line}" for line in group.error.splitlines())] if group.error else []
        parts.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(parts) + "\n"


def _facts(alert: Alert) -> list[tuple[str, str]]:
    """What there is to say of an alert, besides its headline and its message."""
    facts = [
        ("Task", alert.task),
        *((f"  {name}", value) for name, value in alert.params.items()),
        ("Run", alert.run),
        ("Worker", alert.worker),
        ("Attempt", str(alert.attempt or "")),
        ("When", moment(alert.at)),
        ("See", alert.link),
    ]
    return [(name, value) for name, value in facts if value]


def _links(group: Group) -> list[str]:
    """Where to read more: the pages of the last alerts of a group."""
    links = dict.fromkeys(alert.link for alert in group.alerts if alert.link)
    return list(links)[-3:]


# HTML ------------------------------------------------------------------------------------------------------------

_PAGE = '<!doctype html><html><body style="font-family:sans-serif;font-size:14px;color:#1c2024">{body}</body></html>\n'
_PRE = (
    '<pre style="font-family:monospace;font-size:12px;background:#f4f5f6;padding:8px;white-space:pre-wrap">{text}</pre>'
)


def html_of(alerts: Sequence[Alert], group_by: str = "family") -> str:
    """The body of a message, in HTML that mail programs understand. Everything from outside is escaped."""
    body = _html_of_one(alerts[0]) if len(alerts) == 1 else _html_of_many(alerts, group_by)
    return _writable(_PAGE.format(body=body))


def _html_of_one(alert: Alert) -> str:
    colour = _WORDS[Event(alert.event)].colour
    rows = "".join(
        f'<tr><td style="padding-right:16px;color:#5a6270">{escape(name).replace("  ", "&emsp;")}<td>{_linked(value)}'
        for name, value in _facts(alert)
    )
    body = (
        f'<p style="border-left:4px solid {colour};padding-left:8px;font-size:16px">{escape(headline_of(alert))}'
        f'<table style="font-size:13px">{rows}</table>'
    )
    body += _PRE.format(text=escape(alert.message.rstrip())) if alert.message else ""
    return body + (f"<p>The end of its output:{_PRE.format(text=escape(alert.log.rstrip()))}" if alert.log else "")


def _html_of_many(alerts: Sequence[Alert], group_by: str) -> str:
    body = ""
    for group in groups_of(alerts, group_by):
        colour = _WORDS[Event(group.alerts[-1].event)].colour
        body += f'<p style="border-left:4px solid {colour};padding-left:8px">{escape(group.headline)}'
        body += "".join(f"<br>{_linked(link)}" for link in _links(group))
        body += _PRE.format(text=escape(group.error)) if group.error else ""
    return body


def _linked(value: str) -> str:
    text = escape(value)
    return f'<a href="{text}">{text}</a>' if value.startswith(("http://", "https://")) else text
