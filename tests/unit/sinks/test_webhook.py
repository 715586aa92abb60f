"""Alerts for programs, posted to a real receiver."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rumbo.alerts import Event
from rumbo.errors import SinkError
from rumbo.ports import Alert
from rumbo.sinks.webhook import WebhookSink, WebhookTerms, body_of, signature
from self_signed import certificate_for
from server_house import free_port
from webhook_receiver import SECRET, receiver

if TYPE_CHECKING:
    from pathlib import Path

ALERT = Alert(
    "id-1", Event.TASK_FAILED, 1000.5, "run-1", "Clean_1", "Clean", {"n": "1"}, owners=("a@b.org",), attempt=2
)


def refusal(terms: WebhookTerms) -> str:
    with pytest.raises(SinkError) as caught:
        WebhookSink(terms).send([ALERT])
    return str(caught.value)


def test_an_alert_is_posted_by_the_names_of_its_fields() -> None:
    assert json.loads(body_of(ALERT)) == {
        "id": "id-1",
        "event": "task_failed",
        "at": 1000.5,
        "run": "run-1",
        "task": "Clean_1",
        "family": "Clean",
        "params": {"n": "1"},
        "group": "",
        "owners": ["a@b.org"],
        "worker": "",
        "attempt": 2,
        "message": "",
        "log": "",
        "link": "",
    }


def test_a_post_is_signed_with_its_moment() -> None:
    with receiver() as listening:
        WebhookSink(WebhookTerms(listening.url, SECRET), now=lambda: 1234.5).send([ALERT])
    headers = listening.headers[0]
    assert (headers["X-Rumbo-Id"], headers["X-Rumbo-Event"], headers["X-Rumbo-Timestamp"]) == (
        "id-1",
        "task_failed",
        "1234",
    )
    assert headers["X-Rumbo-Signature"] == f"sha256={signature(SECRET, '1234', body_of(ALERT))}"


def test_a_signature_that_others_can_compute() -> None:
    # printf '1234.{}' | openssl dgst -sha256 -hmac secret
    assert signature("secret", "1234", b"{}") == "3cd06c4748af5a8a8794bc7299eaec7826bb24c266c9b020469c97d6b477f788"


def test_without_a_secret_nothing_is_signed() -> None:
    with receiver() as listening:
        WebhookSink(WebhookTerms(listening.url)).send([ALERT])
    assert "X-Rumbo-Signature" not in listening.headers[0]


@pytest.mark.parametrize(
    ("status", "said"), [(500, "500 Internal Server Error"), (302, "302 Found"), (404, "404 Not Found")]
)
def test_only_success_is_success(status: int, said: str) -> None:
    with receiver() as listening:
        listening.status = status
        where = f"127.0.0.1:{listening.port}"
        # The address may hold a secret in its path, so the path is not told.
        assert refusal(WebhookTerms(f"{listening.url}?token=hush")) == f"The webhook at {where} answered {said}"


def test_a_receiver_that_is_not_there() -> None:
    port = free_port()
    assert refusal(WebhookTerms(f"http://127.0.0.1:{port}/hook/hush")) == (
        f"The webhook at 127.0.0.1:{port} cannot be reached: Failed to establish a new connection: "
        "[Errno 111] Connection refused"
    )


def test_certificates_are_checked(tmp_path: Path) -> None:
    certificate = certificate_for("localhost", tmp_path)
    with receiver(certificate=certificate) as listening:
        url = f"https://localhost:{listening.port}/"
        WebhookSink(WebhookTerms(url, certificates=certificate[0])).send([ALERT])
        assert listening.events == ["task_failed"]
        assert "certificate verify failed: self-signed certificate" in refusal(WebhookTerms(url))
