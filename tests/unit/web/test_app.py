"""The addresses of workers, and of those who look after the server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from rumbo import codec
from rumbo.errors import RumboError
from rumbo.web.problems import problem_of
from server_inside import ServerInside
from server_talk import Talker, spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerInside]:
    with ServerInside(tmp_path_factory.mktemp("state") / ".rumbo") as server:
        yield server


def ask(server: ServerInside, path: str, body: bytes | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(server.url + path, body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        kind, text = error.headers["Content-Type"], error.read()
        return error.code, json.loads(text) if kind == "application/problem+json" else text


def test_it_is_alive_and_ready(server: ServerInside) -> None:
    assert ask(server, "/health") == (200, {"status": "alive"})
    assert ask(server, "/ready") == (200, {"status": "ready"})
    server.daemon.trouble = "The disk is full."
    try:
        status, said = ask(server, "/ready")
        assert (status, said["detail"], said["title"]) == (503, "The disk is full.", "Service Unavailable")
        assert ask(server, "/health")[0] == 200
        assert ask(server, "/api/v1/work", b"{}")[0] == 503
    finally:
        server.daemon.trouble = ""


def test_a_worker_works(server: ServerInside) -> None:
    ana = Talker("ana")
    assert ask(server, "/api/v1/work", codec.encode(ana.joins()))[0] == 200
    request = ana.begins("run-1", spec("Clean_1"), slots=1)
    status, reply = ask(server, "/api/v1/work", codec.encode(request))
    assert (status, codec.decode_reply(codec.encode(reply)).orders[0].tasks) == (200, ("Clean_1",))
    status, reply = ask(server, "/api/v1/work/orders?worker=ana&received=0&wait=0")
    assert (status, len(reply[0])) == (200, 1)


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("/api/v1/work", b"{", 400, "This is no request of a worker: "),
        ("/api/v1/work", codec.encode(Talker("ben").says()), 410, "'ben'"),
        ("/api/v1/work/orders?worker=ben", None, 410, "'ben'"),
        ("/api/v1/work/orders", None, 400, "Give worker=NAME, received=NUMBER and wait=SECONDS."),
        ("/api/v1/work/orders?worker=a&wait=long", None, 400, "Give worker=NAME"),
        ("/api/v1/work/log?run=a", b"", 400, "Give run=ID, task=ID, attempt=NUMBER and offset=BYTES."),
    ],
)
def test_what_is_wrong_is_said(server: ServerInside, path: str, body: bytes | None, status: int, detail: str) -> None:
    got, said = ask(server, path, body)
    assert (got, said["status"], said["type"]) == (status, status, "about:blank")
    assert detail in said["detail"]
    assert said["instance"] == path.partition("?")[0]


def test_output_of_an_attempt(server: ServerInside) -> None:
    place = "/api/v1/work/log?run=run-1&task=Clean_1&attempt=1"
    assert ask(server, f"{place}&offset=0", b"first ") == (204, None)
    assert ask(server, f"{place}&offset=6&last=1", b"second") == (204, None)
    with open(f"{server.folder}/logs/run-1/Clean_1.1.log", "rb") as file:
        assert file.read() == b"first second"


def test_output_that_cannot_be_kept(tmp_path: Path) -> None:
    with ServerInside(tmp_path / ".rumbo") as server:
        (tmp_path / ".rumbo" / "logs").write_text("in the way")
        status, said = ask(server, "/api/v1/work/log?run=run-1&task=Clean_1&attempt=1&offset=0", b"x")
        assert (status, said["detail"]) == (503, "The output cannot be kept (Not a directory).")


def test_an_error_without_a_place_of_its_own_is_the_servers() -> None:
    assert problem_of(RumboError("odd"), "/x").status_code == 500
