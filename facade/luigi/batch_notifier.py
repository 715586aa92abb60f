"""Mails about many failures in one: a scheduler gathers what happened, and tells each owner now and then."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from luigi import parameter
from luigi.notifications import email, send_email
from luigi.task import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class batch_email(Config):
    """The section ``[batch_email]``, formerly ``[batch-notifier]``."""

    email_interval = parameter.IntParameter(
        default=60,
        config_path={"section": "batch-notifier", "name": "email-interval-minutes"},
        description="Minutes between mails",
    )
    batch_mode = parameter.ChoiceParameter(
        default="unbatched_params", choices=("family", "all", "unbatched_params"), description="What is told together"
    )
    error_lines = parameter.IntParameter(
        default=20, description="Lines of each error that are told, from its end; 0: all"
    )
    error_messages = parameter.IntParameter(default=1, description="Errors of each group that are told")
    group_by_error_messages = parameter.BoolParameter(default=True, description="Tell equal errors together")


class _Tally:
    """What has happened to the tasks that are told together."""

    def __init__(self) -> None:
        self.failures = 0
        self.disables = 0
        self.scheduling_failures = 0
        self.messages: dict[str, None] = {}
        """The last ones, each once."""

    def note(self, message: str, most: int) -> None:
        """Keep a message, the last so many of them."""
        self.messages.pop(message, None)
        self.messages[message] = None
        while len(self.messages) > most:
            del self.messages[next(iter(self.messages))]


class _Line(NamedTuple):
    """A line of a mail. Those with more failures come first, then those with more disables."""

    less_failed: int
    less_disabled: int
    name: str
    text: str


class BatchNotifier:
    """Gathers failures, and sends them by mail when it is time: see `update`."""

    def __init__(self, **kwargs: Any) -> None:
        self._config = batch_email(**kwargs)
        self._format = email().format
        self._default_owners = {each for each in (email().receiver or "").split(",") if each}
        self._lock = threading.Lock()  # workers fail while a server's other thread sends
        self._gathered: defaultdict[str, defaultdict[str, _Tally]] = self._nothing()
        self._update_next_send()

    @staticmethod
    def _nothing() -> defaultdict[str, defaultdict[str, _Tally]]:
        """By owner, and then by what is told together: what has happened."""
        return defaultdict(lambda: defaultdict(_Tally))

    # -- gathering ----------------------------------------------------------------------------------------------------

    def add_failure(
        self, task_name: str, family: str, unbatched_args: Mapping[str, str], expl: str, owners: Iterable[str] | None
    ) -> None:
        """A task failed."""
        with self._lock:
            for tally in self._tallies(task_name, family, unbatched_args, owners):
                tally.failures += 1
                tally.note(expl, self._config.error_messages)

    def add_disable(
        self, task_name: str, family: str, unbatched_args: Mapping[str, str], owners: Iterable[str] | None
    ) -> None:
        """A task failed too often."""
        with self._lock:
            for tally in self._tallies(task_name, family, unbatched_args, owners):
                tally.disables += 1

    def add_scheduling_fail(
        self, task_name: str, family: str, unbatched_args: Mapping[str, str], expl: str, owners: Iterable[str] | None
    ) -> None:
        """A task could not even be scheduled."""
        with self._lock:
            for tally in self._tallies(task_name, family, unbatched_args, owners):
                tally.scheduling_failures += 1
                tally.note(expl, self._config.error_messages)

    def _tallies(
        self, task_name: str, family: str, unbatched_args: Mapping[str, str], owners: Iterable[str] | None
    ) -> list[_Tally]:
        """What is counted on, for each of the owners and for those who hear of all failures."""
        key = self._key(task_name, family, unbatched_args)
        return [self._gathered[owner][key] for owner in self._default_owners | set(owners or ())]

    def _key(self, task_name: str, family: str, unbatched_args: Mapping[str, str]) -> str:
        mode = self._config.batch_mode
        if mode == "all":
            return task_name
        if mode == "family":
            return family
        return f"{family}({', '.join(f'{name}={value}' for name, value in unbatched_args.items())})"

    # -- telling ------------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Send what was gathered, if it is time. To be called now and then."""
        if time.time() >= self._next_send:
            self.send_email()

    def send_email(self) -> None:
        """Send what was gathered now. What cannot be sent is forgotten too, as it would be late the next time."""
        with self._lock:
            gathered, self._gathered = self._gathered, self._nothing()
        try:
            for owner, tallies in gathered.items():
                self._send_to(owner, tallies)
        finally:
            self._update_next_send()

    def _update_next_send(self) -> None:
        self._next_send = time.time() + 60 * self._config.email_interval

    def _send_to(self, owner: str, tallies: Mapping[str, _Tally]) -> None:
        counts = _counted(
            sum(tally.failures for tally in tallies.values()),
            sum(tally.disables for tally in tallies.values()),
            sum(tally.scheduling_failures for tally in tallies.values()),
        )
        if not counts:
            return
        whose = "" if owner in self._default_owners else "Your tasks have "
        subject = f"Luigi: {whose}{counts} in the last {self._config.email_interval} minutes"
        send_email(subject, self._body(tallies), email().sender, (owner,))

    def _body(self, tallies: Mapping[str, _Tally]) -> str:
        groups: defaultdict[tuple[str, str], list[_Line]] = defaultdict(list)
        for name, tally in tallies.items():
            own = "" if self._config.group_by_error_messages else name
            groups[self._errors(tally.messages), own].append(_line(name, tally))
        parts: list[str] = []
        for (errors, _), lines in sorted(groups.items(), key=lambda group: _rank(group[1])):
            parts += [self._list(sorted(lines)), errors]
        body = "\n".join(filter(None, parts)).rstrip()
        return f"<ul>\n{body}\n</ul>" if self._format == "html" else body

    def _list(self, lines: Iterable[_Line]) -> str:
        texts = [line.text for line in lines]
        return "<li>" + "\n<br>".join(texts) if self._format == "html" else "- " + "\n  ".join(texts)

    def _errors(self, messages: Iterable[str]) -> str:
        shown = [self._error(message) for message in messages]
        if shown and self._format != "html":
            shown.append("")
        return "\n".join(shown)

    def _error(self, message: str) -> str:
        """The end of a message."""
        lines = str(message).rstrip().split("\n")[-self._config.error_lines :]
        if self._format == "html":
            return "<pre>{}</pre>".format("\n".join(lines))
        return "\n" + "\n".join(f"      {line}" for line in lines)


def _line(name: str, tally: _Tally) -> _Line:
    counts = _counted(tally.failures, tally.disables, tally.scheduling_failures)
    return _Line(-tally.failures - tally.scheduling_failures, -tally.disables, name, f"{name} ({counts})")


def _rank(lines: list[_Line]) -> tuple[int, int, str]:
    """The place of a group of lines among others: by their sums."""
    failed, disabled = sum(line.less_failed for line in lines), sum(line.less_disabled for line in lines)
    return failed, disabled, min(line.name for line in lines)


def _counted(failures: int, disables: int, scheduling_failures: int) -> str:
    """How many there were of each kind, without those of which there were none."""
    counts = ((failures, "failure"), (disables, "disable"), (scheduling_failures, "scheduling failure"))
    return ", ".join(f"{many} {kind}{'' if many == 1 else 's'}" for many, kind in counts if many)
