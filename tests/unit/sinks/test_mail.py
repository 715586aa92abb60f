"""Alerts by mail, taken in by a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mail_server import mail_server
from rumbo.alerts import Event
from rumbo.errors import SinkError
from rumbo.ports import Alert
from rumbo.sinks.mail import MailSink, MailTerms
from self_signed import certificate_for
from server_house import free_port

if TYPE_CHECKING:
    from pathlib import Path


def alert(n: int = 1, *owners: str) -> Alert:
    return Alert(f"id-{n}", Event.TASK_FAILED, 1000.0, "run-1", f"Clean_{n}", "Clean", {"n": str(n)}, owners=owners)


def sink(port: int, **more: Any) -> MailSink:
    terms = MailTerms("127.0.0.1", port, sender="rumbo@example.org", to=("all@example.org",), timeout=5.0)
    return MailSink(terms._replace(**more))


def refusal(sink: MailSink) -> str:
    with pytest.raises(SinkError) as caught:
        sink.send([alert()])
    return str(caught.value)


def test_all_whom_an_alert_concerns_get_the_same_mail() -> None:
    with mail_server() as server:
        sink(server.port).send([alert(1, "ana@example.org", " bo@example.org", "all@example.org")])
    (mail,) = server.mails
    assert mail.sender == "rumbo@example.org"
    assert mail.recipients == ("all@example.org", "ana@example.org", "bo@example.org")
    assert (mail.subject, mail.message["Auto-Submitted"]) == ("Rumbo: Clean(n=1) failed", "auto-generated")
    assert mail.message.get_content_type() == "text/plain"
    assert mail.body.startswith("Clean(n=1) failed.\n")


def test_owners_hear_of_theirs_alone() -> None:
    with mail_server() as server:
        sink(server.port).send([alert(1, "ana@example.org"), alert(2, "bo@example.org"), alert(3)])
    assert [(mail.recipients, mail.subject) for mail in server.mails] == [
        (("all@example.org",), "Rumbo: 3 tasks failed"),
        (("ana@example.org",), "Rumbo: Clean(n=1) failed"),
        (("bo@example.org",), "Rumbo: Clean(n=2) failed"),
    ]


def test_without_anybody_whom_it_concerns_no_mail_is_sent() -> None:
    sink(free_port(), to=()).send([alert()])  # nothing listens there


def test_html_comes_with_the_plain_text_beside_it() -> None:
    with mail_server() as server:
        sink(server.port, format="html", prefix="").send([alert()])
    (mail,) = server.mails
    assert mail.subject == "Clean(n=1) failed"
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]


def test_a_mail_that_is_sent_again_has_the_same_id() -> None:
    with mail_server() as server:
        for _ in range(2):
            sink(server.port).send([alert()])
        sink(server.port).send([alert(2)])
    first, again, another = (mail.message["Message-ID"] for mail in server.mails)
    assert first == again != another


# Encryption and passwords ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encryption", ["auto", "starttls", "tls"])
def test_encryption_with_a_password(encryption: str, tmp_path: Path) -> None:
    certificate = certificate_for("localhost", tmp_path)
    login = {"user": "ana", "password": "guess me"}
    with mail_server(login=("ana", "guess me"), certificate=certificate, speaks_tls=encryption == "tls") as server:
        sink(server.port, host="localhost", encryption=encryption, certificates=certificate[0], **login).send([alert()])
        assert server.was_encrypted == [True]


@pytest.mark.parametrize("encryption", ["auto", "starttls", "tls"])
def test_a_certificate_must_be_trusted(encryption: str, tmp_path: Path) -> None:
    certificate = certificate_for("localhost", tmp_path)
    with mail_server(certificate=certificate, speaks_tls=encryption == "tls") as server:
        assert refusal(sink(server.port, host="localhost", encryption=encryption)) == (
            f"The mail server localhost:{server.port} shows a certificate that is not trusted (self-signed "
            "certificate). Name it, or who signed it, in [mail] certificates"
        )
    assert server.mails == []


def test_a_server_that_must_encrypt_and_cannot_gets_nothing() -> None:
    with mail_server() as server:
        assert refusal(sink(server.port, encryption="starttls")) == (
            f"The mail server 127.0.0.1:{server.port} cannot be used: STARTTLS extension not supported by server."
        )
    assert server.mails == []


def test_a_password_does_not_travel_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rumbo.sinks.mail._LOCAL", frozenset[str]())  # as if it were another machine
    with mail_server(login=("ana", "guess me")) as server:
        assert refusal(sink(server.port, user="ana", password="guess me")) == (
            f"The mail server 127.0.0.1:{server.port} offers no encryption, so the password is not sent to it. "
            'If that is what you want, set [mail] encryption = "none"'
        )
        sink(server.port, user="ana", password="guess me", encryption="none").send([alert()])
        assert len(server.mails) == 1


# Trouble ---------------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there() -> None:
    port = free_port()
    assert refusal(sink(port)) == f"The mail server 127.0.0.1:{port} cannot be used: Connection refused"


def test_a_server_that_refuses_says_why() -> None:
    with mail_server(refuses="554 no thanks") as server:
        assert refusal(sink(server.port)) == f"The mail server 127.0.0.1:{server.port} refused: 554 no thanks"


def test_recipients_that_are_refused_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with mail_server(unknown=frozenset(["gone@example.org"])) as server:
        assert refusal(sink(server.port, to=("gone@example.org",))) == (
            f"The mail server 127.0.0.1:{server.port} takes no mail for gone@example.org: 550 no such user"
        )
        sink(server.port).send([alert(1, "gone@example.org")])
    assert [mail.recipients for mail in server.mails] == [("all@example.org",)]
    assert caplog.messages[-1] == "alerts: the mail server takes no mail for gone@example.org: 550 no such user"


def test_an_owner_that_is_no_address_gets_no_mail() -> None:
    with mail_server() as server:
        sink(server.port).send([alert(1, "the team", "<script>", "postmaster")])
    assert server.mails[0].recipients == ("all@example.org", "postmaster")
