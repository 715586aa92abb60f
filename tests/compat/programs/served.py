"""What luigid answers over HTTP: each function asks a server of its own and shows the answers as plain values."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlencode

from telling import plain

import luigi.rpc

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@contextmanager
def luigid(*flags, **sections):
    """A server in this folder; gives a function that asks it, and the port."""
    with open("luigi.cfg", "w") as out:
        for section, options in sections.items():
            out.write(f"[{section}]\n" + "".join(f"{name}={value}\n" for name, value in options.items()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = "import sys; from luigi.cmdline import luigid; luigid(sys.argv[1:])"
    words = ["--port", str(port), "--address", "127.0.0.1", "--state-path", os.path.abspath("state"), *flags]
    with open("server.log", "w") as log:
        server = subprocess.Popen([sys.executable, "-c", start, *words], stdout=log, stderr=log)

    def ask(method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
        connection.close()
        return answer, said

    try:
        for _ in range(1000):
            try:
                ask("GET", "/api/is_paused")
                break
            except OSError:
                time.sleep(0.02)
        yield ask, port
    finally:
        server.terminate()
        server.wait(20)


def answered(reply, *headers):
    """The status, some headers, and what was said if it is JSON."""
    answer, said = reply
    try:
        content = plain(json.loads(said))
    except ValueError:
        content = None
    return [answer.status, *[answer.getheader(each) for each in headers], content]


def data(**arguments):
    """Arguments as the methods want them."""
    return urlencode({"data": json.dumps(arguments)})


def addresses():
    with luigid() as (ask, _):
        found = [answered(ask("GET", "/"), "Location")[:2], answered(ask("HEAD", "/"))[0]]
        pages = ("/static/visualiser/index.html", "/static/visualiser/nothing", "/nothing", "/api/nothing", "/api/")
        found += [answered(ask("GET", path))[0] for path in pages]
        # Nobody records a history.
        found += [answered(ask("GET", path))[0] >= 400 for path in ("/history", "/tasklist")]
        metrics, said = ask("GET", "/metrics")
        return [*found, metrics.status, said.strip()]


def methods():
    with luigid() as (ask, _):
        found = [
            answered(ask("POST", "/api/add_task", data(task_id="A", worker="w", family="A", params={"x": "1"}), FORM))
        ]
        found.append(answered(ask("GET", "/api/get_work?" + data(worker="w", host="here"))))
        found.append(answered(ask("POST", "/api/get_work", data(worker="w", unknown="argument"), FORM)))
        found.append(answered(ask("GET", "/api/task_list?" + data(status="RUNNING", upstream_status="")))[0])
        found.append(
            answered(
                ask("POST", "/api/add_task", data(task_id="A", worker="w", status="DONE", new_in_later_clients=1), FORM)
            )
        )
        found.append(list(answered(ask("GET", "/api/task_list?" + data(status="DONE")))[1]["response"]))
        found.append(answered(ask("GET", "/api/fetch_error?" + data(task_id="none"))))
        found.append(answered(ask("GET", "/api/dep_graph?" + data(task_id="none"))))
        found.append(
            [answered(ask("GET", f"/api/{name}")) for name in ("is_paused", "is_pause_enabled", "has_task_history")]
        )
        found.append(answered(ask("GET", "/api/resource_list")))
        found.append(answered(ask("GET", "/api/task_search?" + data(task_str="A")))[0])
        return found


def calls_that_are_wrong():
    with luigid() as (ask, _):
        return [
            answered(ask("GET", "/api/task_list?data=nonsense"))[0] >= 400,
            answered(ask("POST", "/api/add_task", "", FORM))[0] >= 400,
        ]


def others_pages_may_ask():
    cors = {"enabled": "true", "allowed_origins": '["http://there"]'}
    with luigid(cors=cors) as (ask, _):
        names = ("Access-Control-Allow-Origin", "Access-Control-Max-Age", "Access-Control-Allow-Methods")
        found = []
        for origin in ("http://there", "http://elsewhere", "null"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            found.append(
                [
                    answered(ask("OPTIONS", "/api/is_paused", headers=headers), *names)[1:4],
                    answered(ask("GET", "/api/is_paused", headers=headers), names[0]),
                ]
            )
    with luigid(cors=cors | {"allow_any_origin": "true", "allow_credentials": "true"}) as (ask, _):
        headers = {"Origin": "http://elsewhere"}
        found.append(
            answered(
                ask("GET", "/api/is_paused", headers=headers),
                "Access-Control-Allow-Origin",
                "Access-Control-Allow-Credentials",
            )
        )
    return found


def a_client_from_afar():
    with luigid(scheduler={"pause_enabled": "false", "send_messages": "false"}) as (_, port):
        scheduler = luigi.rpc.RemoteScheduler(f"http://127.0.0.1:{port}/")
        scheduler.add_task(worker="w", task_id="A")
        found = [
            scheduler.get_work(worker="w")["task_id"],
            scheduler.count_pending(worker="w"),
            scheduler.pause(),
            scheduler.is_paused(),
        ]
        found += [
            scheduler.is_pause_enabled(),
            scheduler.send_scheduler_message("w", "A", "hi"),
            scheduler.ping(worker="w"),
        ]
        found += [scheduler.forgive_failures("A"), scheduler.mark_as_done("A"), scheduler.update_resource("db", 3)]
        found += [
            [each["name"] for each in scheduler.worker_list()],
            scheduler.disable_worker("w"),
            scheduler.get_work(worker="w"),
        ]
        return found


def memory_over_a_restart():
    found = []
    for _ in range(2):
        with luigid() as (ask, _):
            ask("POST", "/api/add_task", data(task_id="A", worker="w", family="A"), FORM)
            found.append(
                answered(ask("GET", "/api/task_list?" + data(status="PENDING")))[1]["response"]["A"]["start_time"]
            )
    return found[0] == found[1]
