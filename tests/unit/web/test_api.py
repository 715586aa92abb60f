"""The public API: what people and programs ask of a server, and how they step in."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from rumbo import codec
from rumbo.ports import Alert, Letter
from rumbo.scheduler.records import Outcome
from rumbo.server.daemon import Terms
from rumbo.store.outbox import StateOutbox
from server_house import until
from server_inside import ServerInside
from server_talk import Talker, spec

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING: dict[str, Any] = {"changed": {}, "stopping": []}


class Caller:
    """Asks a server that has some runs behind it and one under way."""

    def __init__(self, server: ServerInside) -> None:
        self.server = server
        self.ana, self.agent = Talker("ana"), Talker("agent")
        self.work(self.ana.joins())
        (clean,) = self.work(self.ana.begins("run-1", spec("Clean_1"), spec("Report_1", "Clean_1"), slots=1))
        self.work(self.ana.says(self.ana.reports(clean, Outcome.FAILED, "ValueError: no such table"), slots=1))
        self.work(self.ana.says(self.ana.ends("run-1", "failed", {"failed": 1, "pending": 1})))
        self.work(self.agent.joins(assistant=True))
        load = spec("Load_1", resources={"database": 1})
        self.work(self.ana.begins("run-2", load, spec("Load_2", resources={"database": 1}), spec("All_1", "Load_1")))
        (self.load,) = self.work(self.agent.says(slots=1))
        assert server.history.flush(30)

    def work(self, request: codec.WorkRequest) -> list[codec.WireOrder]:
        body = codec.encode(request)
        talker = self.ana if request.worker == "ana" else self.agent
        with urllib.request.urlopen(f"{self.server.url}/api/v1/work", body, timeout=10) as answer:
            return talker.gets(codec.decode_reply(answer.read()).orders)

    def ask(self, path: str, body: Any = None, method: str = "") -> Any:
        """The answer to a question, or the problem."""
        data = json.dumps(body).encode() if body is not None else None
        method = method or ("GET" if body is None else "POST")
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.server.url}/api/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read()) | {"kind": error.headers["Content-Type"]}


@pytest.fixture
def caller(tmp_path: Any) -> Iterator[Caller]:
    with ServerInside(tmp_path / ".rumbo", Terms(lease=60.0)) as server:
        yield Caller(server)


def test_what_has_happened(caller: Caller) -> None:
    ask = caller.ask
    runs = ask("runs")["rows"]
    assert [(run["id"], run["status"], run["counts"]) for run in runs] == [
        ("run-2", "running", {"pending": 2, "running": 1}),
        ("run-1", "failed", {"failed": 1, "pending": 1}),
    ]
    assert ask("runs?limit=1")["next"] == "2"
    assert [run["id"] for run in ask("runs?limit=1&after=2")["rows"]] == ["run-1"]
    assert [run["id"] for run in ask("runs?status=failed")["rows"]] == ["run-1"]
    assert [run["id"] for run in ask("runs?search=all_1")["rows"]] == ["run-2"]
    assert ask("runs/last")["id"] == "run-2"
    assert ask("runs/run-1/families") == {"Clean": {"failed": 1}, "Report": {"pending": 1}}
    tasks = ask("runs/run-1/tasks")["rows"]
    assert [(task["task_id"], task["state"], task["dependencies"]) for task in tasks] == [
        ("Clean_1", "failed", []),
        ("Report_1", "pending", [0]),
    ]
    assert [task["task_id"] for task in ask("runs/run-1/tasks?sort=-family")["rows"]] == ["Report_1", "Clean_1"]
    page = ask("runs/run-1/tasks?sort=family&limit=1")
    assert [task["task_id"] for task in ask(f"runs/run-1/tasks?sort=family&after={page['next']}")["rows"]] == [
        "Report_1"
    ]
    assert [task["task_id"] for task in ask("runs/run-1/tasks?state=failed&search=clean")["rows"]] == ["Clean_1"]
    assert ask("runs/run-1/tasks/Clean_1")["outcome"] == "failed"
    (attempt,) = ask("runs/run-1/tasks/Clean_1/attempts")
    assert (attempt["worker"], attempt["message"]) == ("ana", "ValueError: no such table")
    graph = ask("runs/run-1/graph")
    assert [(node["id"], node["needs"]) for node in graph["nodes"]] == [("Clean_1", []), ("Report_1", ["Clean_1"])]
    assert ask("runs/run-1/graph?limit=1")["is_cut"]
    assert [each["task_id"] for each in ask("runs/run-2/running")] == ["Load_1"]
    assert {task["id"] for task in ask("tasks")["rows"]} == {"Clean_1", "Report_1", "Load_1", "Load_2", "All_1"}
    assert [task["id"] for task in ask("tasks?family=Load&param=name%3DLoad_2")["rows"]] == ["Load_2"]
    assert [task["id"] for task in ask("tasks?sort=task&state=failed&state=running")["rows"]] == ["Clean_1", "Load_1"]
    assert [task["id"] for task in ask("tasks?worker=ana&sort=-seconds")["rows"]] == ["Clean_1"]
    assert [task["id"] for task in ask("tasks?sort=-task&skip=1&limit=1")["rows"]] == ["Load_2"]
    (chapter,) = ask("tasks/Clean_1/story")["rows"]
    assert (chapter["run"]["id"], chapter["attempts"][0]["outcome"]) == ("run-1", "failed")
    assert ask("families") == ["All", "Clean", "Load", "Report"]
    assert [(each["run"], each["task_id"]) for each in ask("failures")["rows"]] == [("run-1", "Clean_1")]
    assert ask("slowest") == []
    assert [(each["family"], each["attempts"], each["failed"]) for each in ask("statistics")] == [("Clean", 1, 1)]


def test_how_things_stand(caller: Caller) -> None:
    ask = caller.ask
    status = ask("status")
    assert (status["tasks"], status["workers"], status["runs"], status["is_paused"]) == (
        {"pending": 3, "running": 1, "failed": 1},
        2,
        1,
        False,
    )
    workers = {worker["id"]: worker for worker in ask("workers")}
    assert (workers["ana"]["kind"], workers["ana"]["wants"], workers["agent"]["kind"]) == ("run", 5, "agent")
    assert workers["agent"]["running"] == [{"task_id": "Load_1", "attempt": 1, "lease": caller.load.lease}]
    assert ask("workers/agent") | {"silent": 0} == workers["agent"] | {"silent": 0}
    assert ask("resources") == [
        {"name": "database", "total": 1.0, "used": 1.0, "held_by": [{"task_id": "Load_1", "amount": 1.0}]}
    ]
    live = ask("tasks/All_1/live")
    assert (live["state"], live["why"], live["missing"]) == ("pending", "It waits for 1 of 1: Load_1.", 1)
    assert ask("tasks/Load_1/live")["lease"]["worker"] == "agent"
    around = ask("tasks/All_1/graph?downstream=true")
    assert {node["id"]: node["needs"] for node in around["nodes"]} == {"All_1": ["Load_1"], "Load_1": []}
    assert ask("tasks/All_1/graph?limit=1")["is_cut"]


def test_people_step_in(caller: Caller) -> None:
    ask = caller.ask
    assert ask("pause", {}) == NOTHING
    assert ask("status")["is_paused"]
    ask("resume", {})
    assert ask("tasks/Load_2/cancel", {}) == {"changed": {"Load_2": "cancelled"}, "stopping": []}
    assert ask("tasks/Load_2/forgive", {}) == {"changed": {"Load_2": "pending"}, "stopping": []}
    assert ask("tasks/Load_2/done", {}) == {"changed": {"Load_2": "done"}, "stopping": []}
    assert ask("tasks/Load_2/enable", {})["status"] == 409
    assert ask("resources/database", {"amount": 3}, "PUT") == NOTHING
    assert ask("resources")[0]["total"] == 3
    sent = ask("tasks/Load_1/messages", {"content": "slower"})["id"]
    assert ask(f"messages/{sent}") == {"text": None}
    reply = codec.encode((sent, "as you like")).decode()
    caller.work(caller.agent.says(codec.Noting(caller.load.lease, "reply", reply)))
    assert ask(f"messages/{sent}") == {"text": "as you like"}
    assert ask("workers/agent/slots", {"slots": 7}, "PUT") == NOTHING
    assert ask("workers/agent")["slots"] == 7
    ask("workers/agent/drain", {})
    ask("workers/ana/disable", {})
    assert ask("workers/agent")["is_draining"]
    assert ask("workers/ana")["is_disabled"]
    assert ask("runs/run-2/cancel", {})["changed"]["All_1"] == "cancelled"
    verbs = [order.verb for order in caller.server.daemon.coordinator.seats["agent"].outbox]
    assert verbs[-4:] == ["message", "slots", "drain", "stop"]


@pytest.mark.parametrize(
    ("path", "body", "method", "status", "detail"),
    [
        ("runs/nothing", None, "", 404, "No run in"),
        ("runs/run", None, "", 409, "Several runs"),
        ("runs/run-1/tasks/nothing", None, "", 404, "nothing was not part of run run-1."),
        ("tasks/nothing/live", None, "", 404, "The scheduler knows no task 'nothing' (any more)."),
        ("tasks/nothing/cancel", {}, "", 404, "The scheduler knows no task 'nothing' (any more)."),
        ("tasks/Report_1/messages", {"content": "x"}, "", 409, "Report_1 is not running"),
        ("tasks/Load_1/messages", {"contents": "x"}, "", 422, "body.content: Field required."),
        ("workers/nobody/drain", {}, "", 404, "There is no worker 'nobody' connected."),
        ("workers/nobody/disable", {}, "", 404, "There is no worker 'nobody' connected."),
        ("workers/nobody", None, "", 404, "There is no worker 'nobody' connected."),
        ("workers/agent/slots", {"slots": 0}, "PUT", 422, "body.slots: Input should be greater than or equal to 1."),
        ("resources/database", {"amount": -1}, "PUT", 422, "body.amount"),
        ("runs/nothing/cancel", {}, "", 404, "No run is open whose id is or begins with 'nothing'"),
        ("tasks?param=odd", None, "", 422, "query.param.0: String should match pattern"),
        ("failures?after=odd", None, "", 422, "query.after: String should match pattern"),
        ("runs?limit=0", None, "", 422, "query.limit"),
        ("nothing/at/all", None, "", 404, "Not Found"),
        ("runs", {}, "PATCH", 405, "Method Not Allowed"),
    ],
)
def test_what_is_wrong_is_a_problem_in_one_shape(
    caller: Caller, path: str, body: Any, method: str, status: int, detail: str
) -> None:
    said = caller.ask(path, body, method)
    assert (said["kind"], said["status"], said["type"]) == ("application/problem+json", status, "about:blank")
    assert said["detail"].startswith(detail)
    assert said["instance"] == f"/api/v1/{path.partition('?')[0]}"


def test_output_is_read_and_followed(caller: Caller) -> None:
    url, place = caller.server.url, "run=run-2&task=Load_1&attempt=1"
    log = f"{url}/api/v1/runs/run-2/tasks/Load_1/attempts/1/log"
    urllib.request.urlopen(f"{url}/api/v1/work/log?{place}&offset=0", b"first ", timeout=5)
    with urllib.request.urlopen(f"{log}?limit=3", timeout=5) as answer:
        assert (answer.read(), answer.headers["X-Next-Offset"]) == (b"fir", "3")
    heard: list[bytes] = []

    def follow() -> None:
        with urllib.request.urlopen(f"{log}?follow=true&offset=2", timeout=20) as answer:
            while piece := answer.read1():
                heard.append(piece)

    thread = threading.Thread(target=follow)
    thread.start()
    until(lambda: b"".join(heard) == b"rst ")
    urllib.request.urlopen(f"{url}/api/v1/work/log?{place}&offset=6&last=1", b"second", timeout=5)
    until(lambda: b"".join(heard) == b"rst second")
    caller.work(caller.agent.says(caller.agent.reports(caller.load)))
    thread.join(10)
    assert not thread.is_alive()
    with urllib.request.urlopen(log.replace("run-2", "run-1").replace("Load_1", "Clean_1"), timeout=5) as answer:
        assert answer.read() == b""
    assert caller.ask("runs/run-1/tasks/nothing/attempts/1/log")["status"] == 404


def test_what_happens_is_streamed(caller: Caller) -> None:
    heard: list[str] = []

    def listen() -> None:
        with urllib.request.urlopen(f"{caller.server.url}/api/v1/events", timeout=20) as answer:
            for line in answer:
                heard.append(line.decode().strip())
                if "All_1" in line.decode():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    until(lambda: ": listening" in heard)
    caller.work(caller.agent.says(caller.agent.reports(caller.load)))
    caller.ask("tasks/All_1/done", {})
    thread.join(10)
    assert not thread.is_alive()
    events = [json.loads(line[6:]) for line in heard if line.startswith("data: ")]
    assert {"run": "run-2", "task": "Load_1", "attempt": 1, "outcome": "done"} in events
    assert (events[-1]["task"], events[-1]["state"]) == ("All_1", "done")


def test_numbers_for_prometheus(caller: Caller) -> None:
    with urllib.request.urlopen(f"{caller.server.url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'rumbo_tasks{state="running"} 1.0' in lines
    assert 'rumbo_attempts_total{outcome="failed"} 1.0' in lines
    assert "rumbo_workers 2.0" in lines
    assert any(line.startswith("rumbo_journal_bytes ") for line in lines)


def test_alerts_that_did_not_arrive(caller: Caller) -> None:
    assert caller.ask("alerts") == []
    outbox = StateOutbox(caller.server.folder)
    alert = Alert("a-1", "task_failed", 1000.0, run="run-1", task="Clean_1", family="Clean", message="no such table")
    given_up = Letter("mail", alert, 1060.0, 9, "Nobody answers.", is_given_up=True)
    with closing(outbox):
        outbox.put([Letter("webhook", alert, 1030.0, 1, "It is busy."), given_up])
        outbox.keep([given_up])
    waiting, last = caller.ask("alerts")
    assert (waiting["receiver"], waiting["status"], waiting["due"]) == ("webhook", "waiting", 1030.0)
    assert last == {
        "receiver": "mail",
        "status": "given_up",
        "due": 1060.0,
        "tries": 9,
        "error": "Nobody answers.",
        "event": "task_failed",
        "at": 1000.0,
        "run": "run-1",
        "task": "Clean_1",
        "worker": "",
    }
    with urllib.request.urlopen(f"{caller.server.url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    assert 'rumbo_alerts{status="waiting"} 1.0' in lines
    assert 'rumbo_alerts{status="given_up"} 1.0' in lines


def test_the_api_describes_itself(caller: Caller) -> None:
    schema = caller.ask("openapi.json")
    roles = {about["x-role"] for methods in schema["paths"].values() for about in methods.values()}
    assert roles == {"anybody", "viewer", "operator", "admin"}
    assert all("/api/v1" not in path for path in schema["paths"])
    with urllib.request.urlopen(f"{caller.server.url}/api/v1/docs", timeout=5) as answer:
        page = answer.read().decode()
    assert "/api/v1/runs/{run}/cancel" in page
    assert "http" not in page.partition("<h1>")[0]


def test_names_with_odd_letters(caller: Caller) -> None:
    odd = "Worker(salt=1, host=a/b)"
    assert caller.ask(f"runs/{quote(odd, safe='')}")["status"] == 404


def test_what_the_pages_draw(caller: Caller) -> None:
    ask = caller.ask
    drawn = ask("runs/run-1/diagram")
    assert (drawn["names"], drawn["states"], drawn["needs"]) == (
        ["Clean_1", "Report_1"],
        ["failed", "pending"],
        [[], [0]],
    )
    assert (len(drawn["boxes"]), [arrow[:2] for arrow in drawn["arrows"]]) == (8, [[0, 1]])
    by_family = ask("runs/run-2/diagram?by=family")
    assert (by_family["names"], by_family["counts"]) == (
        ["Load", "All"],
        [{"running": 1, "pending": 1}, {"pending": 1}],
    )
    assert by_family["states"] == ["running", "pending"]
    assert ask("runs/run-2/diagram?family=Load")["names"] == ["Load_1", "Load_2"]
    assert ask("runs/run-2/diagram?focus=All_1&up=1&down=0")["names"] == ["Load_1", "All_1"]
    assert ask("runs/run-2/diagram?focus=all&up=0")["focus"] == "All_1"
    assert ask("runs/run-2/diagram?focus=Nothing")["detail"] == (
        "Nothing is in no id of the tasks of this run that can be drawn."
    )
    cut = ask("runs/run-2/diagram?limit=1")
    assert (cut["names"], cut["is_cut"]) == (["Load_1"], True)
    timeline = ask("runs/run-1/timeline")
    assert (timeline["tasks"], timeline["outcomes"], timeline["workers"], timeline["lanes"]) == (
        ["Clean_1"],
        ["failed"],
        ["ana"],
        [0],
    )
    assert timeline["critical"] == ["Clean_1"]
    near = ask("runs/run-1/tasks/Clean_1/neighbours")
    assert ([each["task_id"] for each in near["needed_by"]], near["needs"]) == (["Report_1"], [])
    grid = ask("families/Load/grid?x=name")
    assert (grid["parameters"], [(cell["x"], cell["state"], cell["tasks"]) for cell in grid["cells"]]) == (
        ["name"],
        [("Load_2", "pending", 1), ("Load_1", "running", 1)],
    )
    assert ask("families/Nothing/grid")["cells"] == []


def test_what_the_pages_count(caller: Caller) -> None:
    ask = caller.ask
    assert ask("families/states")["Load"] == {"running": 1, "pending": 1}
    assert ask("tasks/Clean_1")["state"] == "failed"
    (underway,) = ask("running")
    assert (underway["run"], underway["task_id"], underway["expected"]) == ("run-2", "Load_1", None)
    waiting = {(each["family"], each["kind"], each["what"]): each["tasks"] for each in ask("waiting")}
    assert waiting == {
        ("Report", "held_up", ""): 1,
        ("All", "dependencies", ""): 1,
        ("Load", "resources", "database"): 1,
    }
    pulse = ask("pulse")
    assert (pulse["length"], sum(beat["failed"] for beat in pulse["beats"])) == (20.0, 1)
    settings = {(each["section"], each["key"]): each["origin"] for each in ask("configuration")}
    assert settings["server", "port"] == "default"


def test_several_tasks_are_changed_at_once(caller: Caller) -> None:
    answer = caller.ask("tasks/cancel", {"tasks": ["Load_2", "Load_2", "Report_1", "Nothing"]})
    assert answer["changed"] == {"Load_2": "cancelled", "Report_1": "cancelled"}
    assert answer["refused"] == {"Nothing": "The scheduler does not know it (any more)."}
    answer = caller.ask("tasks/enable", {"tasks": ["Load_2"]})
    assert answer["changed"] == {}
    assert list(answer["refused"]) == ["Load_2"]
    assert caller.ask("tasks/forgive", {"tasks": []})["status"] == 422
    assert caller.ask("tasks/burn", {"tasks": ["Load_2"]})["status"] == 422
