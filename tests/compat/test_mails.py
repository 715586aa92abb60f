"""Mails: what Luigi itself sends and what the façade sends, taken in by a real server and compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mail_server import MailServer, mail_server
from self_signed import certificate_for
from server_house import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from beside_luigi import Both
    from mail_server import Mail

pytestmark = pytest.mark.slow


class Letter(NamedTuple):
    """What a mail says, without what differs from one installation to another."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    kind: str
    body: str


@pytest.fixture
def server() -> Iterator[MailServer]:
    """Somebody who takes mails on."""
    with mail_server() as server:
        yield server


def luigi_cfg(port: int, **sections: dict[str, str]) -> dict[str, str]:
    """The configuration: mails for all go to a server on loopback."""
    basic = {"email": {"receiver": "all@example.org"}, "smtp": {"host": "127.0.0.1", "port": str(port)}}
    wanted = {name: basic.get(name, {}) | sections.get(name, {}) for name in [*basic, *sections]}
    lines = [line for name, keys in wanted.items() for line in (f"[{name}]", *map(": ".join, keys.items()))]
    return {"luigi.cfg": "\n".join(lines) + "\n"}


def letters(
    both: Both, server: MailServer, *words: str, **sections: dict[str, str]
) -> tuple[list[Letter], list[Letter]]:
    """Run a program under Luigi and under the façade; gives the mails of each."""
    files = luigi_cfg(server.port, **sections)
    halves = []
    for run in (both.luigi, both.ours):
        run(*words, files=files)
        halves.append([_letter(each) for each in server.mails])
        server.mails.clear()
    return halves[0], halves[1]


def _letter(mail: Mail) -> Letter:
    part = mail.message.get_body(("plain", "html"))
    assert part is not None
    return Letter(mail.sender, mail.recipients, mail.subject, part.get_content_type(), _without_places(mail.body))


_FRAME = re.compile(r'^( *)File ".*?/(\w+\.py)", line \d+, in (\S+)\n(?:\1  .*\n)*', re.MULTILINE)


def _without_places(body: str) -> str:
    """A body without folders, numbers of lines, and the frames of whoever runs the user's code."""
    body = re.sub(r"(?m)^( +)[~^]+\n", "", body.replace("\r\n", "\n"))
    return _FRAME.sub(lambda found: f"{found[3]} in {found[2]}\n" if found[2] == "mails.py" else "", body)


LOCALLY = ("--local-scheduler", "--no-lock", "--module", "mails")


@pytest.mark.parametrize(
    ("task", "subject"),
    [
        ("Fails", r"Luigi: Fails\(name=world, count=3\) FAILED\. Host: \S+"),
        ("CannotSay", r"Luigi: CannotSay\(\) failed scheduling\. Host: \S+"),
        ("CannotRequire", r"Luigi: CannotRequire\(\) failed scheduling\. Host: \S+"),
        ("CannotBeScheduled", r"Luigi: Framework error while scheduling CannotBeScheduled\(\)\. Host: \S+"),
        ("TestNotificationsTask", r"Luigi: TestNotificationsTask\(raise_in_complete=False\) FAILED\. Host: \S+"),
    ],
)
def test_each_kind_of_trouble_is_a_mail(task: str, subject: str, both: Both, server: MailServer) -> None:
    theirs, ours = letters(both, server, "luigi", *LOCALLY, task)
    assert ours == theirs
    assert len(ours) == 1
    assert re.fullmatch(subject, ours[0].subject)
    assert ours[0].recipients == (("all@example.org", "ana@example.org") if task == "Fails" else ("all@example.org",))


def test_no_more_than_so_much_of_a_traceback_is_told(both: Both, server: MailServer) -> None:
    theirs, ours = letters(both, server, "luigi", *LOCALLY, "FailsLongly")
    # Where it is cut depends on the names of folders.
    assert [each[:4] for each in ours] == [each[:4] for each in theirs]
    for letter in (*theirs, *ours):
        assert letter.body.endswith("...Traceback exceeds max length and has been truncated.\n")
    assert ours[0].recipients == ("all@example.org", "ana@example.org", "bo@example.org", "cy@example.org")


def test_a_process_that_dies_is_told_with_its_exit_code(both: Both, server: MailServer) -> None:
    theirs, ours = letters(both, server, "luigi", *LOCALLY, "Dies", "--workers", "2")
    assert ours == theirs
    assert re.search(r"^Task Dies_\w+ died unexpectedly with exit code 3$", ours[0].body, re.MULTILINE)


def test_a_task_that_is_disabled_is_told_beside_its_failure(both: Both, server: MailServer) -> None:
    theirs, ours = letters(
        both, server, "luigi", *LOCALLY, "Fails", "--retcode-task-failed", "0", scheduler={"retry_count": "1"}
    )
    assert ours == theirs
    assert [mail.subject.partition(" ")[0] for mail in ours] == ["Luigi:", "Luigi"]
    assert re.fullmatch(
        r"Fails_\w+ failed 1 times in the last 3600 seconds, so it is being disabled for 86400 seconds", ours[1].body
    )


def test_html_is_coloured_where_pygments_is(both: Both, server: MailServer) -> None:
    files = luigi_cfg(server.port, email={"format": "html", "prefix": "[etl]"})
    both.ours("luigi", *LOCALLY, "Fails", files=files)
    assert _letter(server.mails[0]).kind == "text/html"
    assert server.mails[0].subject.startswith("[etl] Luigi: Fails(")
    assert "<tr><th>name</th><td>world</td></tr>" in server.mails[0].body
    assert '<span style="' in server.mails[0].body


def test_html_is_like_that_of_luigi(both: Both, server: MailServer) -> None:
    # Luigi's environment has no pygments; a module that cannot be imported takes ours away.
    theirs, ours = letters(both, server, "-m", "without_colours", email={"format": "html"})
    assert [each._replace(body=_pre(each.body)) for each in ours] == [
        each._replace(body=_pre(each.body)) for each in theirs
    ]
    assert ours[0].kind == "text/html"


def test_gathered_mails_go_to_each_owner(both: Both, server: MailServer) -> None:
    theirs, ours = letters(both, server, "-m", "mails", "gather", worker={"send_failure_email": "false"})
    assert sorted(ours) == sorted(theirs)
    assert {mail.recipients for mail in ours} == {("all@example.org",), ("ana@example.org",)}


def test_no_mail_is_sent_that_is_not_wanted(both: Both, server: MailServer) -> None:
    none = luigi_cfg(server.port, email={"format": "none"})
    for outcome in both("luigi", *LOCALLY, "CannotSay", files=none):
        assert "because email format is 'none'" in outcome.stderr
    both("luigi", *LOCALLY, "CannotSay", files=luigi_cfg(server.port, worker={"send_failure_email": "false"}))
    assert server.mails == []


def test_mail_that_cannot_be_delivered_is_a_line_in_the_log(both: Both) -> None:
    for outcome in both("luigi", *LOCALLY, "Fails", files=luigi_cfg(free_port())):
        assert "Not able to connect to smtp server: [Errno 111] Connection refused" in outcome.stderr
        assert "This progress looks :( because there were failed tasks" in outcome.summary


@pytest.mark.parametrize("speaks_tls", [False, True], ids=["STARTTLS", "TLS from the first byte"])
def test_a_server_may_want_encryption_and_a_password(speaks_tls: bool, both: Both, tmp_path: Path) -> None:
    certificate = certificate_for("localhost", tmp_path)
    smtp = {"username": "ana", "password": "guess me", "ssl": str(speaks_tls)}
    with mail_server(login=("ana", "guess me"), certificate=certificate, speaks_tls=speaks_tls) as server:
        theirs, ours = letters(both, server, "luigi", *LOCALLY, "Fails", smtp=smtp)
        assert ours == theirs != []
        assert server.was_encrypted == [True, True]


def test_a_wrong_password_is_a_line_in_the_log(both: Both) -> None:
    with mail_server(login=("ana", "guess me")) as server:
        files = luigi_cfg(server.port, smtp={"username": "ana", "password": "wrong", "timeout": "0.5"})
        done = both.ours("luigi", *LOCALLY, "Fails", files=files)
    assert "Not able to connect to smtp server: " in done.stderr


def _pre(body: str) -> str:
    """A body with its traceback in one line, since frames are told apart by their indentation."""
    return re.sub(r"\s+", " ", body)
