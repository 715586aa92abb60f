"""Alerts from real servers and runs to real receivers: mail, webhooks and services, through crashes of both sides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mail_server import mail_server
from rumbo.store.reader import HistoryReader
from server_house import House, free_port, house_in, until
from webhook_receiver import SECRET, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PIPELINE = """
import rumbo


class Clean(rumbo.Task):
    n: int
    key: str = rumbo.Parameter(default="hush", visibility=rumbo.ParameterVisibility.HIDDEN)
    owner_email = "ana@example.org"

    def output(self):
        return rumbo.LocalTarget(f"clean{self.n}")

    def run(self):
        print("\\x1b[1mlooking\\x1b[0m at", self.n)
        raise ValueError(f"no data for {self.n}")


class All(rumbo.WrapperTask):
    count: int = 2

    def requires(self):
        return [Clean(n=n) for n in range(self.count)]


class Odd(rumbo.Task):
    def complete(self):
        raise OSError("the disk is away")
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A folder with a pipeline that fails."""
    (tmp_path / "flow.py").write_text(PIPELINE)
    with house_in(tmp_path) as house:
        yield house


def configure(house: House, **tables: dict[str, object]) -> None:
    """Write the settings."""
    lines = []
    for table, keys in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    (house.folder / "rumbo.toml").write_text("\n".join(lines) + "\n")


def test_a_run_of_its_own_tells_before_it_ends(house: House) -> None:
    with mail_server() as server, receiver() as listening:
        mail = {"host": "127.0.0.1", "port": server.port, "to": "all@example.org", "format": "html"}
        webhook = {"url": listening.url, "secret": SECRET, "events": "all"}
        configure(house, alerts={"link": "https://rumbo.example.org"}, mail=mail, webhook=webhook)
        done = house.run("run", "-m", "flow", "All", "--count", "1")
    assert done.returncode == 1
    assert done.stderr == ""
    assert listening.events == ["run_started", "task_started", "task_failed", "run_failed"]
    failed = listening.posts[2]
    assert (failed["family"], failed["params"], failed["owners"]) == ("Clean", {"n": "0"}, ["ana@example.org"])
    assert listening.headers[2]["X-Rumbo-Id"] == failed["id"]
    first, second = server.mails
    assert first.recipients == ("all@example.org", "ana@example.org")
    assert first.subject == "Rumbo: Clean(n=0) failed"
    assert "ValueError: no data for 0" in first.body
    assert first.body.endswith("The end of its output:\n\nlooking at 0\n")
    assert f"See:     https://rumbo.example.org/tasks/{failed['task']}" in first.body
    assert second.recipients == ("all@example.org",)
    assert second.subject == f"Rumbo: Run {failed['run']} failed"


def test_what_is_gathered_is_told_at_the_end_of_the_run_to_each_as_it_concerns_them(house: House) -> None:
    with mail_server() as server:
        mail = {"host": "127.0.0.1", "port": server.port, "to": "all@example.org"}
        configure(house, alerts={"batch_every": 3600.0}, mail=mail)
        house.run("run", "-m", "flow", "All", "--count", "3", "-w", "2")
    assert [(mail.recipients, mail.subject) for mail in server.mails] == [
        (("all@example.org",), "Rumbo: 3 tasks failed, 1 run failed"),
        (("ana@example.org",), "Rumbo: 3 tasks failed"),
    ]


def test_a_receiver_that_is_down_is_one_warning_and_fails_no_run(house: House) -> None:
    port = free_port()
    configure(house, alerts={"exit_wait": 0.5}, mail={"host": "127.0.0.1", "port": port, "to": "all@example.org"})
    (house.folder / "clean0").write_text("")
    assert house.run("run", "-m", "flow", "Clean", "--n", "0").returncode == 0
    done = house.run("run", "-m", "flow", "Clean", "--n", "1")
    assert done.returncode == 1
    assert done.stderr == (
        f"2 alerts were not delivered: The mail server 127.0.0.1:{port} cannot be used: Connection refused. "
        "The tasks themselves are not affected.\n"
    )


def test_a_task_that_cannot_be_scheduled_is_told(house: House) -> None:
    with receiver() as listening:
        configure(house, webhook={"url": listening.url, "events": "scheduling_failed"})
        house.run("run", "-m", "flow", "Odd")
    assert listening.events == ["scheduling_failed"]
    assert listening.posts[0]["message"].endswith("OSError: the disk is away\n")


def test_a_server_tells_what_happens_to_its_workers(house: House) -> None:
    with mail_server() as server, receiver() as listening:
        mail = {"host": "127.0.0.1", "port": server.port, "to": "all@example.org"}
        configure(house, mail=mail, webhook={"url": listening.url, "secret": SECRET, "events": "all"})
        house.serve()
        house.run("run", "-m", "flow", "All", "--count", "1", "--scheduler", house.url)
        until(lambda: len(listening.posts) == 4 and len(server.mails) == 2, what="the alerts")
        assert listening.events == ["run_started", "task_started", "task_failed", "run_failed"]
        failed = listening.posts[2]
        assert (failed["params"], failed["owners"], failed["link"]) == (
            {"n": "0"},
            ["ana@example.org"],
            f"{house.url}/tasks/{failed['task']}",
        )
        assert server.mails[0].body.endswith("The end of its output:\n\nlooking at 0\n")
        assert house.run("alerts").stdout == "No alert waits, and none was given up.\n"


def test_a_worker_that_is_lost_is_told(house: House) -> None:
    with receiver() as listening:
        configure(house, webhook={"url": listening.url, "secret": SECRET, "events": "worker_lost"})
        house.serve("--lease", "0.5")
        agent = house.start("worker", "--scheduler", house.url)
        worker = house.worker_id()
        house.kill(agent)
        until(lambda: listening.posts, what="the alert")
    assert (listening.posts[0]["event"], listening.posts[0]["worker"]) == ("worker_lost", worker)
    assert f"process {agent.pid}). What it ran goes to others." in listening.posts[0]["message"]


def test_no_alert_is_lost_when_the_server_and_the_receivers_die(house: House) -> None:
    port = free_port()
    configure(house, webhook={"url": f"http://127.0.0.1:{port}/hook", "secret": SECRET})
    server = house.serve()
    house.run("run", "-m", "flow", "All", "--count", "5", "--scheduler", house.url)
    waiting = json.loads(house.run("alerts", "--json").stdout)
    house.kill(server)
    server = house.serve()
    until(lambda: len(json.loads(house.run("alerts", "--json").stdout)) == 6, what="all alerts in the outbox")
    house.kill(server)
    with receiver(port=port) as listening:
        house.serve()
        until(lambda: len({post["id"] for post in listening.posts}) == 6, 60, "the alerts")
        until(lambda: house.run("alerts", "--json").stdout == "[]\n", what="an empty outbox")
    assert (
        sorted({post["id"]: post["event"] for post in listening.posts}.values()) == ["run_failed"] + ["task_failed"] * 5
    )
    assert {each["alert"]["id"] for each in waiting} <= {post["id"] for post in listening.posts}
    assert all(each["receiver"] == "webhook" for each in waiting)


def test_through_deaths_in_the_middle_each_failure_is_told_and_none_that_did_not_happen(house: House) -> None:
    with receiver() as listening:
        configure(house, webhook={"url": listening.url, "secret": SECRET, "events": "task_failed, run_failed"})
        server = house.serve()
        run = house.start("run", "-m", "flow", "All", "--count", "60", "-w", "2", "--scheduler", house.url)
        for many in (5, 20, 40):
            until(lambda many=many: len({post["id"] for post in listening.posts}) >= many, 60, f"{many} alerts")
            house.kill(server)
            server = house.serve()
        run.wait(60)
        until(lambda: "run_failed" in listening.events and house.run("alerts", "--json").stdout == "[]\n", 60)
    told = {post["id"]: (post["task"], post["attempt"]) for post in listening.posts if post["event"] == "task_failed"}
    with HistoryReader(str(house.folder / ".rumbo")) as reader:
        attempts = reader.failures(limit=1000).rows
    failed = [(attempt.task_id, attempt.number) for attempt in attempts if attempt.outcome == "failed"]
    assert sorted(told.values()) == sorted(failed)
    assert len(failed) == 60


def test_a_receiver_that_hangs_keeps_neither_workers_nor_other_receivers_waiting(house: House) -> None:
    with mail_server() as server, receiver() as listening:
        listening.answers.clear()
        mail = {"host": "127.0.0.1", "port": server.port, "to": "all@example.org"}
        configure(house, mail=mail, webhook={"url": listening.url, "secret": SECRET, "timeout": 600.0})
        house.serve()
        for _ in range(2):
            assert house.run("run", "-m", "flow", "All", "--count", "5", "--scheduler", house.url).returncode == 1
        until(lambda: len(server.mails) == 12, what="the mails")
        assert listening.posts == []
        listening.answers.set()
        until(lambda: len(listening.posts) == 12, what="the posts")


def test_what_is_given_up_stays_visible(house: House) -> None:
    with receiver() as listening:
        listening.status = 503
        configure(house, webhook={"url": listening.url}, alerts={"give_up_after": 0.0})
        house.serve()
        house.run("run", "-m", "flow", "Clean", "--n", "7", "--scheduler", house.url)
        until(lambda: listening.refused == 2, what="both tries")
        until(lambda: house.run("alerts").stdout.count("given up") == 2, what="giving up")
        shown = house.run("alerts").stdout
    assert f"webhook  Clean(n=7) failed  given up after 1 try\n    The webhook at 127.0.0.1:{listening.port} " in shown
    assert "alerts: task_failed about Clean_7" in house.output("serve")


def test_receivers_can_be_tried(house: House) -> None:
    assert house.run("alerts", "test").stderr == (
        "rumbo: Nobody is told of anything: set [mail] host and to, [webhook] url, or [alerts] services.\n"
    )
    with mail_server() as server, receiver() as listening:
        mail = {"host": "127.0.0.1", "port": server.port, "to": "all@example.org"}
        configure(house, mail=mail, webhook={"url": listening.url})
        done = house.run("alerts", "test")
        assert (done.returncode, done.stdout) == (0, "✓ mail: sent.\n✓ webhook: sent.\n")
        assert server.mails[0].subject == "Rumbo: This is a test"
        assert listening.events == ["test"]
        listening.status = 403
        done = house.run("alerts", "test")
        assert done.returncode == 1
        assert f"✗ webhook: The webhook at 127.0.0.1:{listening.port} answered 403 Forbidden.\n" in done.stdout
