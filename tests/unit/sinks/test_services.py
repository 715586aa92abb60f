"""Alerts by apprise: its plainest service posts JSON, so a real one listens on loopback."""

from __future__ import annotations

import sys

import pytest

from rumbo.alerts import Event
from rumbo.errors import ConfigurationError, MissingExtraError, SinkError
from rumbo.ports import Alert
from rumbo.sinks.services import ServiceSink
from webhook_receiver import receiver

ALERT = Alert("id-1", Event.TASK_FAILED, 1000.0, "run-1", "Clean_1", "Clean", {"n": "1"}, message="no luck")


def test_a_service_gets_the_subject_and_the_text() -> None:
    with receiver() as listening:
        ServiceSink(f"json://127.0.0.1:{listening.port}/").send([ALERT])
    (post,) = listening.posts
    assert (post["title"], post["type"]) == ("Rumbo: Clean(n=1) failed", "failure")
    assert post["message"].startswith("Clean(n=1) failed.")
    assert post["message"].endswith("no luck")


def test_of_a_long_text_the_end_is_sent() -> None:
    with receiver() as listening:
        ServiceSink(f"json://127.0.0.1:{listening.port}/").send([ALERT._replace(message="x" * 9000 + " the end")])
    (post,) = listening.posts
    assert post["message"].startswith("... xxx")
    assert post["message"].endswith("x the end")
    assert len(post["message"]) < 3010


def test_a_service_that_does_not_take_a_message_says_why() -> None:
    with receiver() as listening:
        listening.status = 500
        sink = ServiceSink(f"json://127.0.0.1:{listening.port}/")
        with pytest.raises(SinkError) as caught:
            sink.send([ALERT])
    assert str(caught.value).startswith(f"The service {sink.name} did not take a message (Failed to send JSON POST ")


def test_names_tell_services_apart_and_hold_no_secret() -> None:
    one, two = ServiceSink("json://ana:hush@one/"), ServiceSink("json://ana:hush@two/")
    assert one.name.startswith("json-")
    assert len({one.name, two.name, ServiceSink("json://ana:hush@one/").name}) == 2
    assert "hush" not in one.name


def test_an_address_that_apprise_does_not_know() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ServiceSink("slak://hush/")
    assert str(caught.value) == (
        "[alerts] services: apprise knows no service of the kind slak:, or the address lacks something. "
        "Its documentation lists the addresses of all services."
    )


def test_without_apprise_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtraError) as caught:
        ServiceSink("json://localhost/")
    assert str(caught.value) == ("[alerts] services needs a library that is not installed: pip install 'rumbo[alerts]'")
