"""Letters on their way: when they are sent, together or alone, and what follows when they do not arrive."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rumbo.alerts import Event
from rumbo.errors import SinkError, StoreError
from rumbo.ports import Alert, Letter
from rumbo.sinks.chronicle import AlertChronicle
from rumbo.sinks.delivery import Courier, Delivery, Route, Terms
from rumbo.sinks.memory import MemoryOutbox

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = frozenset([Event.TASK_FAILED])


class Desk:
    """A sink that keeps what it is given, or says why not."""

    name = "desk"

    def __init__(self) -> None:
        self.messages: list[list[str]] = []
        self.trouble: Exception | None = None
        self.bad: set[str] = set()

    def send(self, alerts: Sequence[Alert]) -> None:
        ids = [alert.id for alert in alerts]
        if self.trouble is not None:
            raise self.trouble
        if self.bad & set(ids):
            raise SinkError("it is not wanted")
        self.messages.append(ids)


def alert(id: str, at: float = 1000.0, event: str = Event.TASK_FAILED) -> Alert:
    return Alert(id, event, at, "run-1", f"Clean_{id}", "Clean")


class Office:
    """A courier, its outbox and the desk where it delivers."""

    def __init__(self, every: float = 0.0, give_up_after: float = 100.0) -> None:
        self.desk, self.outbox = Desk(), MemoryOutbox()
        self.reports: list[str] = []
        route = Route(self.desk, FAILED, every)
        self.delivery = Delivery(self.outbox, [route])
        self.courier = Courier(route, self.outbox, Terms(give_up_after), report=self.reports.append, chance=lambda: 0.5)

    def put(self, *alerts: Alert) -> None:
        self.outbox.put(self.delivery.letters(alerts))

    @property
    def left(self) -> list[Letter]:
        return self.outbox.undelivered()


def test_each_alert_is_a_message_of_its_own() -> None:
    office = Office()
    office.put(alert("a"), alert("b", 1001.0), alert("c", event=Event.RUN_DONE))
    assert office.courier.round(1002.0) == 3600.0
    assert office.desk.messages == [["a"], ["b"]]
    assert office.left == []


def test_alerts_of_an_hour_are_sent_together_at_its_end() -> None:
    office = Office(every=3600.0)
    office.put(alert("a", 3600.0), alert("b", 7199.0), alert("c", 7200.0))
    assert office.courier.round(7199.0) == 1.0
    assert office.desk.messages == []
    office.courier.round(7200.0)
    assert office.desk.messages == [["a", "b"]]
    assert [letter.due for letter in office.left] == [10800.0]


def test_however_many_there_are_it_is_one_message() -> None:
    office = Office(every=3600.0)
    office.put(*(alert(str(n)) for n in range(1000)))
    office.courier.round(3600.0)
    assert [len(message) for message in office.desk.messages] == [1000]


def test_what_only_a_message_of_its_own_shows_is_looked_up_for_no_other() -> None:
    office = Office(every=3600.0)
    asked: list[bool] = []

    def dress(alert: Alert, is_alone: bool) -> Alert:
        asked.append(is_alone)
        return alert

    courier = Courier(Route(office.desk, FAILED, 3600.0), office.outbox, dress=dress)
    office.put(alert("a"))
    courier.round(3600.0)
    office.put(alert("b"), alert("c"))
    courier.round(3600.0)
    assert asked == [True, False, False]


def test_the_last_round_sends_everything() -> None:
    office = Office(every=3600.0)
    office.put(alert("a"))
    office.courier.round(1001.0, is_last=True)
    assert office.desk.messages == [["a"]]


def test_what_does_not_arrive_is_tried_again_later_and_later() -> None:
    office = Office(give_up_after=10_000.0)
    office.put(alert("a"))
    office.desk.trouble = SinkError("the desk is closed")
    waits, now = [], 1000.0
    for _ in range(12):
        wait = office.courier.round(now)
        waits.append(wait)
        now += wait
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 600.0, 600.0]
    assert (office.left[0].tries, office.left[0].error) == (12, "the desk is closed")
    assert office.reports == ["alerts: the desk is closed; it is tried again."]
    office.desk.trouble = None
    office.courier.round(now)
    assert office.desk.messages == [["a"]]


def test_a_sink_that_fails_is_left_alone_for_a_while_by_all_letters() -> None:
    office = Office()
    office.put(alert("a"), alert("b"))
    office.desk.trouble = OSError("no way")
    assert office.courier.round(1000.0) == 1.0
    assert [letter.tries for letter in office.left] == [0, 1]
    assert office.left[1].error == "OSError: no way"
    office.desk.trouble = None
    assert office.courier.round(1000.5) == 0.5
    assert office.desk.messages == []
    office.courier.round(1001.0)
    assert office.desk.messages == [["b"], ["a"]]


def test_one_letter_that_is_not_wanted_does_not_keep_the_others() -> None:
    office = Office()
    office.desk.bad = {"a"}
    office.put(alert("a"), alert("b", 1000.5), alert("c", 1000.6))
    office.courier.round(1001.0)
    assert office.desk.messages == []
    office.courier.round(1002.0)
    assert sorted(office.desk.messages) == [["b"], ["c"]]


def test_a_letter_is_given_up_in_the_end_and_stays_visible() -> None:
    office = Office(give_up_after=100.0)
    office.put(alert("a"))
    office.desk.trouble = SinkError("the desk is closed")
    office.courier.round(1099.0)
    assert not office.left[0].is_given_up
    office.courier.round(1100.0)
    assert office.left[0].is_given_up
    assert office.reports[-1] == "alerts: task_failed about Clean_a was given up: the desk is closed"
    assert office.courier.round(1200.0) == 3600.0


def test_what_was_given_up_long_ago_is_forgotten() -> None:
    office = Office(give_up_after=0.0)
    office.put(alert("old", at=1000.0), alert("new", at=1000.0 + 31 * 86_400.0))
    office.outbox.keep([letter._replace(is_given_up=True) for letter in office.outbox.due("desk", 1000.0, 1)])
    office.desk.trouble = SinkError("the desk is closed")
    office.courier.round(1000.0 + 31 * 86_400.0)
    assert [letter.alert.id for letter in office.left] == ["new"]


def test_what_arrived_before_a_failure_is_not_sent_again() -> None:
    office = Office()
    office.desk.bad = {"b"}
    office.put(alert("a"), alert("b", 1000.5))
    office.courier.round(1001.0)
    assert office.desk.messages == [["a"]]
    assert [letter.alert.id for letter in office.left] == ["b"]


def test_a_receiver_that_hangs_keeps_no_other_one_waiting() -> None:
    is_over, has_come = threading.Event(), threading.Event()

    class Slow(Desk):
        name = "slow"

        def send(self, alerts: Sequence[Alert]) -> None:
            is_over.wait()

    class Quick(Desk):
        def send(self, alerts: Sequence[Alert]) -> None:
            has_come.set()

    delivery = Delivery(MemoryOutbox(), [Route(Slow(), FAILED), Route(Quick(), FAILED)])
    delivery.start()
    delivery.put([alert("a")])
    assert has_come.wait(10)
    left = delivery.close(patience=0.0)
    is_over.set()
    assert [letter.sink for letter in left if letter.sink == "slow"] == ["slow"]


def test_letters_for_receivers_that_are_gone_are_given_up() -> None:
    outbox = MemoryOutbox()
    outbox.put([Letter("pager", alert("a"), 0.0)])
    delivery = Delivery(outbox, [Route(Desk(), FAILED)])
    delivery.start()
    (left,) = delivery.close()
    assert left.is_given_up
    assert left.error == "The settings do not name this receiver any more."


# The journal -----------------------------------------------------------------------------------------------------


class Troubled(MemoryOutbox):
    """An outbox that cannot be written at first."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def put(self, letters: Sequence[Letter], journal: str = "", number: int = 0) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        super().put(letters, journal, number)


def test_alerts_of_a_journal_are_put_with_the_number_of_their_entry() -> None:
    outbox, desk = MemoryOutbox(), Desk()
    chronicle = AlertChronicle(Delivery(outbox, [Route(desk, FAILED)]))
    assert chronicle.wanted == FAILED
    assert chronicle.follow("journal") == 0
    chronicle.tell(3, [("happened", ("run-1", ())), ("alert", (alert("a"),))])
    chronicle.tell(4, [("happened", ("run-1", ()))])
    assert not chronicle.flush(0.0)
    chronicle.start()
    assert chronicle.flush(10.0)
    chronicle.close()
    assert outbox.bookmark("journal") == 3
    # It may be delivered by now; if not, it is after the next start.
    assert desk.messages + [[letter.alert.id] for letter in outbox.undelivered()] == [["a"]]


def test_an_outbox_that_cannot_be_written_is_waited_for() -> None:
    outbox = Troubled(failures=1)
    chronicle = AlertChronicle(Delivery(outbox, []), pause=0.01)
    chronicle.follow("journal")
    chronicle.tell(3, [("alert", (alert("a"),))])
    chronicle.start()
    assert chronicle.flush(10.0)
    chronicle.close()
    assert (outbox.failures, outbox.bookmark("journal")) == (0, 3)
