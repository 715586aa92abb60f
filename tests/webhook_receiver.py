"""Somebody who listens for webhooks on loopback, checks their signatures, and can be difficult."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "known to both"


class Receiver:
    """What was posted, in order, also what was refused.

    Attributes:
        status: what is answered; 200 means that the post was taken.
        posts: the JSON of each post that was taken.
        refused: how many were not.
        answers: while it is not set, nobody is answered.
    """

    def __init__(self, port: int = 0, certificate: tuple[str, str] | None = None) -> None:
        self.status = 200
        self.posts: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.refused = 0
        self.answers = threading.Event()
        self.answers.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[str]:
        """What was told, in order."""
        return [post["event"] for post in self.posts]

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.answers.wait()
        if self.status == 200:
            self.posts.append(json.loads(body))
            self.headers.append(dict(request.headers))
            timestamp = request.headers["X-Rumbo-Timestamp"]
            expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
            signature = request.headers.get("X-Rumbo-Signature")
            assert signature in (None, f"sha256={expected}"), "the signature is wrong"
        else:
            self.refused += 1
        request.send_response(self.status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def close(self) -> None:
        """Listen no more."""
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def receiver(**how: Any) -> Iterator[Receiver]:
    """A receiver while the block lasts."""
    listening = Receiver(**how)
    try:
        yield listening
    finally:
        listening.close()
