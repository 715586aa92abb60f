"""Mails: what Luigi itself sends and what the façade sends, taken in by a real server and compared."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from beside_luigi import PROGRAMS
from mail_server import MailServer, mail_server
from self_signed import certificate_for
from server_house import free_port, house_in, until

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


@pytest.mark.parametrize("method", ["ses", "sns", "sendgrid"])
def test_services_in_the_cloud_are_asked_for_the_same(method: str, both: Both) -> None:
    # Stand-ins for their libraries, as there is no such service here.
    files = luigi_cfg(0, email={"method": method}, sendgrid={"apikey": "hush"})
    theirs, ours = both("-m", "cloud_mails", files=files)
    assert sorted(ours.stdout.splitlines()) == sorted(theirs.stdout.splitlines()) != []


def test_on_a_terminal_no_mail_is_sent_unless_somebody_insists(luigi_python: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROGRAMS), "PYTHONWARNINGS": "ignore"}
    for python in (luigi_python, sys.executable):
        with mail_server() as server:
            (tmp_path / "luigi.cfg").write_text(luigi_cfg(server.port)["luigi.cfg"])
            command = [python, "-m", "luigi", *LOCALLY, "Fails"]
            for words in ((), ("--email-force-send",)):
                terminal, end = pty.openpty()
                done = subprocess.run(
                    [*command, *words], cwd=tmp_path, env=environment, stdout=end, stderr=subprocess.PIPE, timeout=60
                )
                os.close(end)
                os.close(terminal)
                assert (b"because running from a tty" in done.stderr) == (not words)
        assert len(server.mails) == 1


# Schedulers that are servers ---------------------------------------------------------------------------------------


def told_by_luigid(python: str, worker_python: str, folder: Path, server: MailServer, **scheduler: str) -> list[Letter]:
    """What a luigid sends, once and at its end, about Luigi's own worker, which sends no mails itself.

    Args:
        python: the interpreter with the luigid.
    """
    folder.mkdir()
    files = luigi_cfg(server.port, scheduler=scheduler, worker={"send_failure_email": "false"})
    (folder / "luigi.cfg").write_text(files["luigi.cfg"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LUIGI_", "RUMBO_"))}
    environment |= {"PYTHONPATH": str(PROGRAMS), "PYTHONWARNINGS": "ignore"}
    port = free_port()
    words = ["--port", str(port), "--address", "127.0.0.1", "--state-path", str(folder / "state")]
    start = "import sys; from luigi.cmdline import luigid; luigid(sys.argv[1:])"
    with open(folder / "luigid.log", "wb") as log:
        luigid = subprocess.Popen(
            [python, "-c", start, *words], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: _listens(port), what="luigid")
        url = f"http://127.0.0.1:{port}"
        command = [worker_python, "-m", "luigi", "--module", "mails", "ManyKinds", "--scheduler-url", url]
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
    finally:
        luigid.terminate()
        luigid.wait(10)
    found = [_letter(mail) for mail in server.mails]
    server.mails.clear()
    return sorted(found)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("scheduler", "subjects"),
    [
        (
            {"batch_emails": "true", "retry_count": "1"},
            ["Luigi: 3 failures, 3 disables, 1 scheduling failure", "Luigi: Your tasks have 3 failures, 3 disables"],
        ),
        ({"retry_count": "1"}, ["Luigi Scheduler: DISABLED"]),
    ],
    ids=["gathered", "one by one"],
)
def test_a_server_tells_what_happens_to_luigis_workers(
    scheduler: dict[str, str], subjects: list[str], luigi_python: str, tmp_path: Path, server: MailServer
) -> None:
    theirs = told_by_luigid(luigi_python, luigi_python, tmp_path / "theirs", server, **scheduler)
    ours = told_by_luigid(sys.executable, luigi_python, tmp_path / "ours", server, **scheduler)
    assert ours == theirs
    for subject in subjects:
        assert any(mail.subject.startswith(subject) for mail in ours)


def test_rumbo_serve_tells_the_owners_of_tasks_of_luigis_workers(
    luigi_python: str, tmp_path: Path, server: MailServer
) -> None:
    (tmp_path / "rumbo.toml").write_text(
        f'[mail]\nhost = "127.0.0.1"\nport = {server.port}\nto = "all@example.org"\n[alerts]\nbatch_every = 4.0\n'
    )
    (tmp_path / "luigi.cfg").write_text("[worker]\nsend_failure_email: false\n")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROGRAMS), "PYTHONWARNINGS": "ignore"}
    with house_in(tmp_path) as house:
        house.serve()
        command = [luigi_python, "-m", "luigi", "--module", "mails", "ManyKinds", "--scheduler-url", house.url]
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
        until(lambda: "could not be scheduled" in _all_bodies(server), what="the mails")
        until(lambda: {mail.recipients for mail in server.mails} == {("all@example.org",), ("ana@example.org",)})
    assert "the disk is away" in _all_bodies(server)
    assert "ValueError: no parts today" in _all_bodies(server)


def _all_bodies(server: MailServer) -> str:
    return "\n".join(mail.body for mail in server.mails)


def _pre(body: str) -> str:
    """A body with its traceback in one line, since frames are told apart by their indentation."""
    return re.sub(r"\s+", " ", body)
