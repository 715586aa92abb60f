"""Letters are taken from the outbox to their sinks, by a thread for each sink: one that is down keeps nobody waiting.

What is not known to have arrived is tried again, later and later, until it is given up. Every letter is sent at least
once, and again after a crash that came between sending it and noting so; it has the same id then.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rumbo.errors import RumboError, StoreError
from rumbo.ports import Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rumbo.ports import Alert, Outbox, Sink

Dress: TypeAlias = "Callable[[Alert, bool], Alert]"

log = logging.getLogger("rumbo.alerts")

_AT_A_TIME = 200
"""Letters that one look at the outbox takes."""
_TOGETHER = 10_000
"""Letters that one message may be about."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 600.0
"""Seconds between two tries of a letter; each is about twice the one before."""
_LONGEST_REST = 60.0
"""Seconds for which a sink that fails is left alone."""
_LONGEST_NAP = 3600.0
_EVER = float("inf")
_KEPT = 30 * 86_400.0
"""Seconds for which what was given up stays visible."""


class Route(NamedTuple):
    """Which alerts go to a sink, and when."""

    sink: Sink
    events: frozenset[str]
    every: float = 0.0
    """Those of so many seconds are sent together; 0: each by itself, at once."""

    def due(self, alert: Alert) -> float:
        """When an alert is to be sent. It follows from the alert, so that a restart changes nothing."""
        return alert.at if not self.every else (alert.at // self.every + 1) * self.every


class Terms(NamedTuple):
    """How stubborn delivery is. Times in seconds."""

    give_up_after: float = 86_400.0
    """A letter that has not arrived so long after it was due is given up."""
    delay: float = 0.0
    """So long after an alert it is sent at the earliest: the end of the output may still be on its way."""


DEFAULT_TERMS = Terms()


def _as_it_is(alert: Alert, is_alone: bool) -> Alert:
    return alert


class Courier:
    """Takes letters to one sink.

    Args:
        dress: adds what is looked up only when an alert is sent, such as the end of the output; it is told whether
            the alert has a message of its own.
        report: told in a sentence when the sink fails, and when a letter is given up.
        chance: gives numbers between 0 and 1, by which pauses differ.
    """

    def __init__(
        self,
        route: Route,
        outbox: Outbox,
        terms: Terms = DEFAULT_TERMS,
        dress: Dress = _as_it_is,
        report: Callable[[str], None] = log.warning,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.route = route
        self._outbox = outbox
        self._terms = terms
        self._dress = dress
        self._report = report
        self._chance = chance
        self._failures = 0
        """In a row."""
        self._rests_until = 0.0

    def round(self, now: float, is_last: bool = False) -> float:
        """Send what is due, or all there is in the last round; gives the seconds until there may be more to do.

        A failure ends the round: who does not take one letter will not take the next one either.
        """
        if now < self._rests_until and not is_last:
            return self._rests_until - now
        name = self.route.sink.name
        most = _TOGETHER if self.route.every else _AT_A_TIME
        while letters := self._outbox.due(name, _EVER if is_last else now, most):
            if not self._deliver(letters, now):
                if is_last:
                    return _LONGEST_NAP
                break
        due = self._outbox.next_due(name)
        next_look = min(due if due is not None else now + _LONGEST_NAP, now + _LONGEST_NAP)
        return max(next_look, self._rests_until) - now

    def _deliver(self, letters: Sequence[Letter], now: float) -> bool:
        """Send letters, several in one message where the route says so. False: one of them did not arrive."""
        arrived: list[Letter] = []
        for message in self._messages(letters):
            if not self._send(message, now):
                break
            arrived += message
        if arrived:
            self._outbox.delivered(arrived)
        return len(arrived) == len(letters)

    def _send(self, message: Sequence[Letter], now: float) -> bool:
        is_alone = len(message) == 1
        try:
            self.route.sink.send([self._dress(letter.alert, is_alone) for letter in message])
        except Exception as error:  # noqa: BLE001 - a sink's library may raise anything; it is noted and told
            self._put_off(message, error, now)
            return False
        self._failures = 0
        return True

    def _messages(self, letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
        if self.route.every:
            yield letters
        else:
            yield from ([letter] for letter in letters)

    def _put_off(self, letters: Sequence[Letter], error: Exception, now: float) -> None:
        """Note that letters did not arrive: they are tried again later, or given up."""
        text = str(error) if isinstance(error, RumboError) else f"{type(error).__name__}: {error}"
        self._failures += 1
        self._rests_until = now + self._pause(self._failures, _LONGEST_REST)
        if self._failures == 1:
            self._report(f"alerts: {text.rstrip('.')}; it is tried again.")
        later = [self._later(letter, text, now) for letter in letters]
        self._outbox.keep(later)
        given_up = [letter.alert for letter in later if letter.is_given_up]
        for alert in given_up:
            self._report(f"alerts: {alert.event} about {_what(alert)} was given up: {text}")
        if given_up:
            self._outbox.forget(now - _KEPT)

    def _later(self, letter: Letter, error: str, now: float) -> Letter:
        tries = letter.tries + 1
        is_given_up = now - self.route.due(letter.alert) >= self._terms.give_up_after
        return letter._replace(
            due=now + self._pause(tries, _LONGEST_PAUSE), tries=tries, error=error, is_given_up=is_given_up
        )

    def _pause(self, failures: int, longest: float) -> float:
        return min(_FIRST_PAUSE * 2.0 ** min(failures - 1, 20), longest) * (0.5 + self._chance())


def _what(alert: Alert) -> str:
    return alert.task or alert.worker or f"run {alert.run}"


class Delivery:
    """Everything between an alert and those who get it.

    Args:
        routes: which alerts go where.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        outbox: Outbox,
        routes: Sequence[Route],
        terms: Terms = DEFAULT_TERMS,
        dress: Dress = _as_it_is,
        report: Callable[[str], None] = log.warning,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.outbox = outbox
        self.wanted = frozenset[str]().union(*(route.events for route in routes))
        """The events that any route takes."""
        self._routes = routes
        self._terms = terms
        self._now = now
        self._report = report
        self._couriers = [Courier(route, outbox, terms, dress, report) for route in routes]
        self._bells = [threading.Event() for _ in routes]
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self._sends_all = False

    def letters(self, alerts: Sequence[Alert]) -> list[Letter]:
        """The letters that alerts become, one for each sink that takes them."""
        return [
            Letter(route.sink.name, alert, route.due(alert) + self._terms.delay)
            for alert in alerts
            for route in self._routes
            if alert.event in route.events
        ]

    def put(self, alerts: Sequence[Alert], journal: str = "", number: int = 0) -> None:
        """Put alerts in the outbox, and up to which entry of a journal they reach. Raises `StoreError`."""
        self.outbox.put(self.letters(alerts), journal, number)
        for bell in self._bells:
            bell.set()

    def start(self) -> None:
        """Begin to deliver. What lies there for sinks that are gone is given up."""
        if self._threads:
            return
        self._give_up_strays()
        for courier, bell in zip(self._couriers, self._bells, strict=True):
            name = f"rumbo-alerts-{courier.route.sink.name}"
            # Daemons: who hangs in a sink at the end must not keep the process.
            self._threads.append(threading.Thread(target=self._work, args=(courier, bell), name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def close(self, patience: float = 5.0, send_all: bool = False) -> list[Letter]:
        """Stop, waiting up to ``patience`` seconds; gives the letters that are left.

        Args:
            send_all: send everything first, also what is to be sent together later.
        """
        end = time.monotonic() + patience
        self._sends_all, self._is_closing = send_all, True
        for bell in self._bells:
            bell.set()
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0.0))
        left = self.outbox.undelivered()
        self.outbox.close()
        return left

    def _work(self, courier: Courier, bell: threading.Event) -> None:
        while not self._is_closing:
            bell.clear()
            bell.wait(self._round(courier, False))
        if self._sends_all:
            self._round(courier, True)

    def _round(self, courier: Courier, is_last: bool) -> float:
        try:
            return max(courier.round(self._now(), is_last), 0.01)
        except StoreError as error:
            if not self._is_closing:
                self._report(f"alerts: {error}; it is tried again.")
            return _FIRST_PAUSE * 5

    def _give_up_strays(self) -> None:
        names, now = {route.sink.name for route in self._routes}, self._now()
        try:
            self.outbox.forget(now - _KEPT)
            waiting = [letter for letter in self.outbox.undelivered() if not letter.is_given_up]
            strays = [letter for letter in waiting if letter.sink not in names]
            if strays:
                error = "The settings do not name this receiver any more."
                self.outbox.keep([letter._replace(error=error, is_given_up=True) for letter in strays])
        except StoreError as error:
            self._report(f"alerts: {error}.")
