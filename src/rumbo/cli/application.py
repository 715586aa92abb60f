"""What a server is made of: the daemon with its guests, and the application with all its addresses over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rumbo.clock import SystemClock
from rumbo.server.daemon import Daemon
from rumbo.store.log_store import LogStore
from rumbo.web.app import make_app
from rumbo.web.feed import Feed
from rumbo.web.lazy import Lazy
from rumbo.web.luigi_routes import luigi_routes
from rumbo.web.pages import page_routes
from rumbo.web.pulse import Pulse
from rumbo.wire.luigi import METHODS, Speaker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.applications import Starlette
    from starlette.types import ASGIApp

    from rumbo.ports import Chronicle, Journal
    from rumbo.server.daemon import Terms
    from rumbo.web.api.shapes import Setting

LUIGI = "luigi"
"""Kind of the journal's entries that are calls of Luigi's workers."""


def make_daemon(journal: Journal, history: Chronicle, terms: Terms, resources: Mapping[str, float]) -> Daemon:
    """The daemon over a journal, which it has yet to load."""
    return Daemon(journal, SystemClock(), terms, resources, history, {LUIGI: Speaker})


def make_application(daemon: Daemon, state: str, log_folder: str = "") -> Starlette:
    """All addresses of a server over a daemon.

    Args:
        state: the folder with the history.
        log_folder: the folder for what attempts print; that of the state, if it is empty.
    """
    from starlette.routing import Mount, Route

    logs = LogStore(log_folder or state)

    feed, pulse = Feed(daemon), Pulse(daemon)

    def api() -> ASGIApp:
        from rumbo.store.reader import HistoryReader
        from rumbo.web.api.app import Watch, make_api
        from rumbo.web.api.readers import Readers

        return make_api(daemon, Readers(lambda: HistoryReader(state)), logs, Watch(feed, pulse, _settings))

    def metrics() -> ASGIApp:
        from rumbo.web.metrics import make_metrics

        return make_metrics(daemon)

    async def call(method: str, arguments: dict[str, Any]) -> object:
        return await daemon.call(LUIGI, method, arguments, str(arguments.get("worker") or ""))

    more = [
        Mount("/api/v1", Lazy(api)),
        *luigi_routes(call, METHODS),
        Route("/metrics", Lazy(metrics)),
        *page_routes(),
    ]
    app = make_app(daemon, logs, more, watchers=(feed.hear, pulse.hear))
    app.state.feed = feed
    return app


def _settings() -> list[Setting]:
    from rumbo.cli.config import rows, written
    from rumbo.web.api.shapes import Setting

    return [
        Setting(section=row.section, key=row.key, value=written(row.value), origin=row.origin, help=row.help)
        for row in rows()
    ]
