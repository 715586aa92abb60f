"""What the settings make of alerts: who gets which, and what is added when they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rumbo.alerts import Event
from rumbo.cli.alerting import Alerting, dresser, routes
from rumbo.errors import ConfigurationError
from rumbo.ports import Alert
from rumbo.settings import AlertSettings, MailSettings, WebhookSettings
from rumbo.store.log_store import LogStore

if TYPE_CHECKING:
    from pathlib import Path

FAILED = Alert("id", Event.TASK_FAILED, 1000.0, "run-1", "Clean_1", "Clean", attempt=2)
HOOK = WebhookSettings(url="https://example.org/")


def test_people_get_what_alerts_names_and_programs_what_webhook_names() -> None:
    alerts = AlertSettings(events="task_failed", services="json://one json://two", batch_every=60.0)
    mail, one, two, hook = routes(Alerting(alerts, MailSettings(host="localhost"), HOOK._replace(events="run_done")))
    assert [route.sink.name[:5] for route in (mail, one, two, hook)] == ["mail", "json-", "json-", "webho"]
    assert mail.events == one.events == two.events == {"task_failed"}
    assert (mail.every, two.every, hook.every) == (60.0, 60.0, 0.0)
    assert hook.events == {"run_done"}


def test_programs_get_what_people_get_if_nothing_else_is_said() -> None:
    (hook,) = routes(Alerting(AlertSettings(), webhook=HOOK))
    assert hook.events == {"task_failed", "task_disabled", "run_failed", "scheduling_failed", "worker_lost"}
    assert routes(Alerting()) == []


def test_a_webhook_is_an_address_of_the_web() -> None:
    with pytest.raises(ConfigurationError) as caught:
        routes(Alerting(webhook=WebhookSettings(url="ftp://example.org/")))
    assert str(caught.value) == "[webhook] url must begin with https:// or http://."


def logs_with(folder: Path, text: bytes) -> LogStore:
    logs = LogStore(str(folder))
    logs.write("run-1", "Clean_1", 2, 0, text)
    return logs


def test_the_end_of_the_output_is_added_without_colours(tmp_path: Path) -> None:
    logs = logs_with(tmp_path, b"one\ntwo\n\x1b[31mthr\x07ee\x1b[0m\n\n")
    assert dresser(logs, 2, "")(FAILED, True).log == "two\nthree"
    assert dresser(logs, 0, "")(FAILED, True).log == ""
    assert dresser(logs, 2, "")(FAILED, False).log == ""
    assert dresser(logs, 2, "")(FAILED._replace(event=Event.TASK_DONE), True).log == ""
    assert dresser(logs, 2, "")(FAILED._replace(attempt=1), True).log == ""


def test_of_a_long_output_only_the_end_is_read(tmp_path: Path) -> None:
    logs = logs_with(tmp_path, b"x" * 100_000 + b" the end\n")
    log = dresser(logs, 5, "")(FAILED, True).log
    assert len(log) < 10_000
    assert log.endswith("x the end")


def test_each_alert_leads_to_its_page(tmp_path: Path) -> None:
    dress = dresser(LogStore(str(tmp_path)), 0, "https://example.org/rumbo/")
    worker = Alert("id", Event.WORKER_LOST, 1000.0, worker="w")
    run = Alert("id", Event.RUN_DONE, 1000.0, "Worker(salt=1, pid=2)")
    assert [dress(alert, True).link for alert in (FAILED, run, worker)] == [
        "https://example.org/rumbo/tasks/Clean_1",
        "https://example.org/rumbo/runs/Worker%28salt%3D1%2C%20pid%3D2%29",
        "https://example.org/rumbo",
    ]
