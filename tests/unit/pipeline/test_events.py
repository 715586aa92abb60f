"""Who listens to a class of tasks hears of what happens to them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from rumbo.pipeline import events
from rumbo.pipeline.events import Event
from rumbo.pipeline.task import Task


class Base(Task):
    pass


class Derived(Base):
    pass


class Other(Task):
    pass


def test_handlers_hear_of_their_class_and_those_derived_from_it() -> None:
    heard: list[Any] = []
    Base.event_handler(Event.SUCCESS)(heard.append)
    for task in (Base(), Derived(), Other()):
        task.trigger_event(Event.SUCCESS, task)
    Base().trigger_event(Event.FAILURE, "not asked for")
    assert heard == [Base(), Derived()]


def test_a_handler_on_task_hears_of_all() -> None:
    heard: list[Any] = []
    Task.event_handler("own event")(heard.append)
    Other().trigger_event("own event", 5)
    assert heard == [5]


def test_handlers_are_called_in_the_order_they_were_added_and_once() -> None:
    heard: list[str] = []

    @Base.event_handler(Event.START)
    def first(task: Task) -> None:
        heard.append("first")

    @Base.event_handler(Event.START)
    def second(task: Task) -> None:
        heard.append("second")

    Base.event_handler(Event.START)(first)
    Base().trigger_event(Event.START, Base())
    assert heard == ["first", "second"]


def test_a_handler_can_be_removed() -> None:
    heard: list[Any] = []
    handler = Base.event_handler(Event.START)(heard.append)
    Base.remove_event_handler(Event.START, handler)
    events.fire(Base(), Event.START, 1)
    assert heard == []
    with pytest.raises(KeyError):
        Base.remove_event_handler(Event.START, handler)


def test_an_exception_in_a_handler_is_logged_and_the_next_is_called(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []

    @Base.event_handler(Event.START)
    def broken(task: Task) -> None:
        raise SystemExit(3)

    Base.event_handler(Event.START)(heard.append)
    with caplog.at_level(logging.ERROR, logger="luigi-interface"):
        Base().trigger_event(Event.START, Base())
    assert heard == [Base()]
    assert caplog.messages == ["Error in event callback for 'event.core.start'"]


def test_an_interrupt_in_a_handler_ends_the_telling() -> None:
    heard: list[Any] = []

    @Base.event_handler(Event.START)
    def interrupted(task: Task) -> None:
        raise KeyboardInterrupt

    Base.event_handler(Event.START)(heard.append)
    Base().trigger_event(Event.START, Base())
    assert heard == []
