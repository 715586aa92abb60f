"""A server in this process: the real application on a real port, in a thread, so that a test may look inside."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from rumbo.cli.application import make_access, make_application, make_daemon
from rumbo.server.daemon import Terms
from rumbo.store.history import HistoryWriter
from rumbo.store.journal import DatabaseJournal
from rumbo.store.state_file import open_state
from rumbo.web.access.access import AccessTerms
from server_house import until

if TYPE_CHECKING:
    from pathlib import Path


class ServerInside:
    """Serves the memory in a folder. Stopping and starting again is what a restart is."""

    def __init__(
        self,
        folder: Path,
        terms: Terms | None = None,
        access: AccessTerms | None = None,
    ) -> None:
        self.folder = str(folder)
        self.terms = terms or Terms(lease=2.0)
        self.access_terms = access or AccessTerms()
        self.port = 0
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address, the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> ServerInside:
        """Load what is remembered, and serve."""
        self.journal = DatabaseJournal(open_state(self.folder))
        self.history = HistoryWriter(self.folder)
        self.daemon = make_daemon(self.journal, self.history, self.terms, {"database": 1})
        self.daemon.load()
        self.history.start()
        self.access = make_access(self.folder, self.access_terms)
        self.app = app = make_application(
            self.daemon, self.access, self.folder, self.folder, [os.path.dirname(self.folder)]
        )
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
            self.access.close()
            self.journal.close()

    def __enter__(self) -> ServerInside:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
