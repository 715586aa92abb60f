"""A server in this process: the real application on a real port, in a thread, so that a test may look inside."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from rumbo.clock import SystemClock
from rumbo.server.daemon import Daemon, Terms
from rumbo.store.history import HistoryWriter
from rumbo.store.journal import SqliteJournal
from rumbo.store.log_store import LogStore
from rumbo.store.state_file import open_state
from rumbo.web.app import make_app
from server_house import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute


class ServerInside:
    """Serves the memory in a folder. Stopping and starting again is what a restart is."""

    def __init__(
        self,
        folder: Path,
        terms: Terms | None = None,
        more: Sequence[BaseRoute] = (),
        around: Sequence[Middleware] = (),
    ) -> None:
        self.folder = str(folder)
        self.terms = terms or Terms(lease=2.0)
        self.port = 0
        self._more, self._around = more, around
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address, the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> ServerInside:
        """Load what is remembered, and serve."""
        self.journal = SqliteJournal(open_state(self.folder))
        self.history = HistoryWriter(self.folder)
        self.daemon = Daemon(self.journal, SystemClock(), self.terms, {"database": 1}, self.history)
        self.daemon.load()
        self.history.start()
        app = make_app(self.daemon, LogStore(self.folder), self._more, self._around)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        until(lambda: self._server.started, what="the server's start")
        return self

    def stop(self) -> None:
        """Stop as after a signal."""
        if self._thread is not None:
            self.daemon.let_go()
            self._server.should_exit = True
            self._thread.join(20)
            self._thread = None
            self.history.close()
            self.journal.close()

    def __enter__(self) -> ServerInside:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
