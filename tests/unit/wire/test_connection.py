"""What a program is told when it speaks to a server, and when it does not get through."""

from __future__ import annotations

import base64
import http.server
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rumbo.errors import (
    AccessDenied,
    CommandRejected,
    ConfigurationError,
    ProtocolError,
    SchedulerUnreachable,
    WorkerGone,
)
from rumbo.wire.connection import Connection, ServerDown, path_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def answering(
    status: int = 200, body: bytes = b"", family: int = socket.AF_INET, path: str = ""
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server that always answers the same; gives its address, and path and authorization of each request."""
    came: list[tuple[str, str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            came.append((self.path, self.headers["Authorization"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def address_string(self) -> str:
            return "test"

        def log_message(self, *args: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        address_family = family
        daemon_threads = True

        def server_bind(self) -> None:
            if family != socket.AF_UNIX:
                super().server_bind()
            else:
                self.socket.bind(path)
                self.server_name, self.server_port = "localhost", 0

    server = Server(("127.0.0.1", 0) if family == socket.AF_INET else path, Handler)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", came
    server.shutdown()
    server.server_close()


def test_an_answer_and_a_question_in_json() -> None:
    with answering(200, b'{"a": 1}') as (url, came):
        connection = Connection(url + "/prefix/")
        assert connection.request("GET", "/ready") == b'{"a": 1}'
        assert connection.ask("POST", "/tasks", {"b": 2}, {"state": "done", "after": None}) == {"a": 1}
        assert [path for path, _ in came] == ["/prefix/ready", "/prefix/tasks?state=done"]
        connection.close()
    with answering(204) as (url, _):
        assert Connection(url).ask("GET", "/") is None


def test_a_token_is_shown() -> None:
    with answering() as (url, came):
        Connection(url, "t0ken").request("GET", "/")
        Connection(url.replace("//", "//ana:t%40ken@")).request("GET", "/")
        shown = [authorization for _, authorization in came]
    assert shown == ["Bearer t0ken", "Basic " + base64.b64encode(b"ana:t@ken").decode()]
    assert Connection("http://ana:secret@localhost:1").url == "http://localhost:1"


def test_a_socket_in_the_file_system(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with answering(200, b"{}", socket.AF_UNIX, path):
        assert Connection(f"http+unix://{path_part(path)}/prefix").ask("GET", "/ready") == {}
        assert Connection(f"http+unix://{path}").ask("GET", "/ready") == {}
    with pytest.raises(ServerDown, match=r"No scheduler answers at http\+unix://.*no such file"):
        Connection(f"http+unix://{path_part(path + 'x')}").request("GET", "/")


def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ServerDown) as caught:
        Connection(f"http://127.0.0.1:{port}").request("GET", "/")
    assert str(caught.value) == f"No scheduler answers at http://127.0.0.1:{port} (connection refused)."


def test_an_answer_that_does_not_come_in_time_or_breaks_off() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(SchedulerUnreachable) as caught:
            Connection(url).request("GET", "/", timeout=0.05)
        assert not isinstance(caught.value, ServerDown)
        assert str(caught.value).startswith(f"The connection to {url} broke (")

        def hang_up() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(SchedulerUnreachable, match="broke"):
            Connection(url).request("GET", "/", timeout=5)


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (409, b'{"detail": "No."}', CommandRejected, "No."),
        (410, b'{"detail": "Gone."}', WorkerGone, "Gone."),
        (401, b"", AccessDenied, "URL: access denied (HTTP 401)."),
        (403, b'{"detail": "A viewer may not."}', AccessDenied, "URL: A viewer may not."),
        (429, b'{"detail": "Ask again in 3 s."}', SchedulerUnreachable, "URL: Ask again in 3 s."),
        (400, b'{"detail": "What?"}', ProtocolError, "URL: What?"),
        (404, b"<html>", ProtocolError, "What answers at URL is no Rumbo scheduler (HTTP 404)."),
        (200 + 300, b"[]", ProtocolError, "What answers at URL is no Rumbo scheduler (HTTP 500)."),
        (502, b"", ServerDown, "URL cannot work now (HTTP 502)."),
        (503, b'{"detail": "The disk is full."}', ServerDown, "The disk is full."),
    ],
)
def test_a_server_that_says_no(status: int, body: bytes, kind: type[Exception], text: str) -> None:
    with answering(status, body) as (url, _), pytest.raises(kind) as caught:
        Connection(url).request("GET", "/")
    assert type(caught.value) is kind
    assert str(caught.value) == text.replace("URL", url)


@pytest.mark.parametrize("url", ["localhost:8082", "ftp://here", "http://", "", "/a/path"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Connection(url)
    assert str(caught.value) == (
        f"{url!r} is no address of a scheduler: write it like http://localhost:8082, or "
        "http+unix:///path/to/socket for a socket in the file system."
    )
