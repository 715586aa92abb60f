"""What a server is made of: the daemon with its guests, and the application with all its addresses over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from rumbo.clock import SystemClock
from rumbo.server.daemon import Daemon
from rumbo.store.access_book import StateAccessBook
from rumbo.store.log_store import LogStore
from rumbo.store.outbox import StateOutbox
from rumbo.web.access.access import Access
from rumbo.web.access.gate import Gate
from rumbo.web.access.rules import OPEN, SHIPPING, VIEWING, WORKING, Rules, api_rules, luigi_rules
from rumbo.web.app import make_app
from rumbo.web.feed import Feed
from rumbo.web.lazy import Lazy
from rumbo.web.lookout import Lookout
from rumbo.web.luigi_routes import luigi_routes
from rumbo.web.pages import page_routes
from rumbo.web.pulse import Pulse
from rumbo.wire.luigi import METHODS, Speaker
from rumbo.wire.luigi.dialect import OWN_BEHALF, READS, STEERING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.applications import Starlette
    from starlette.types import ASGIApp

    from rumbo.ports import Chronicle, Journal
    from rumbo.server.daemon import Terms
    from rumbo.sinks.chronicle import AlertChronicle
    from rumbo.web.access.access import AccessTerms
    from rumbo.web.api.shapes import Setting

T = TypeVar("T")

LUIGI = "luigi"
"""Kind of the journal's entries that are calls of Luigi's workers."""


def open_journal(state: str, stand_by: Callable[[float], object] | None = None) -> Journal:
    """The journal in a folder or at the URL of a PostgreSQL database, for this server alone while it runs.

    Args:
        stand_by: called again and again while another server keeps it; None: do not wait for it.

    Raises:
        StoreBusy: another server keeps it.
        StoreError: it cannot be opened.
    """
    from rumbo.store.database import is_url

    if is_url(state):
        from rumbo.store.postgres_journal import PostgresJournal

        return PostgresJournal(state, stand_by)
    from rumbo.store.journal import DatabaseJournal
    from rumbo.store.state_file import lock_for_server, open_state

    lock = lock_for_server(state, stand_by)
    return DatabaseJournal(open_state(state), lock=lock)


def make_daemon(
    journal: Journal,
    history: Chronicle,
    terms: Terms,
    resources: Mapping[str, float],
    alerts: AlertChronicle | None = None,
) -> Daemon:
    """The daemon over a journal, which it has yet to load."""
    chronicles = [history] if alerts is None else [history, alerts]
    alert_on = frozenset[str]() if alerts is None else alerts.wanted
    return Daemon(journal, SystemClock(), terms, resources, chronicles, {LUIGI: Speaker}, alert_on)


def make_access(state: str, terms: AccessTerms) -> Access:
    """Who may ask a server, by the tokens in its state."""
    return Access(StateAccessBook(state), SystemClock(), terms)


def make_application(
    daemon: Daemon, access: Access, state: str, log_folder: str, preview_folders: Sequence[str] = ()
) -> Starlette:
    """All addresses of a server over a daemon.

    Args:
        access: who may ask.
        state: the folder with the history, or the URL of a PostgreSQL database.
        log_folder: the folder for what attempts print.
        preview_folders: where the server may look at what tasks made.
    """
    from starlette.middleware import Middleware
    from starlette.routing import Mount, Route

    logs = LogStore(log_folder)

    feed, pulse = Feed(daemon, lookout=_lookout(daemon, state)), Pulse(daemon)
    pages = page_routes()

    def make_api() -> ASGIApp:
        from rumbo.artifacts.sight import Folders
        from rumbo.store.reader import HistoryReader
        from rumbo.web.api.app import Watch, make_api
        from rumbo.web.api.readers import Readers

        watch = Watch(
            feed,
            pulse,
            _settings,
            Folders(preview_folders),
            lambda: _of_outbox(state, StateOutbox.undelivered),
        )
        return make_api(daemon, Readers(lambda: HistoryReader(state, log_folder)), logs, access, watch)

    def make_metrics() -> ASGIApp:
        from rumbo.web.metrics import make_metrics

        return make_metrics(daemon, lambda: _of_outbox(state, StateOutbox.counts))

    async def call(method: str, arguments: dict[str, Any]) -> object:
        return await daemon.call(LUIGI, method, arguments, str(arguments.get("worker") or ""))

    async def routes_of_api() -> Any:
        return (await api.made()).state.guarded  # type: ignore[attr-defined]

    api = Lazy(make_api)
    more = [
        Mount("/api/v1", api),
        *luigi_routes(call, METHODS),
        Route("/metrics", Lazy(make_metrics)),
        *pages,
    ]
    # Every address has its line here; what has none is refused to everybody.
    rules = Rules(
        {
            "/": OPEN,
            **dict.fromkeys((page.path for page in pages), OPEN),
            "/health": OPEN,
            "/ready": OPEN,
            "/metrics": VIEWING,
            "/api/v1/work": WORKING,
            "/api/v1/work/orders": WORKING,
            "/api/v1/work/log": SHIPPING,
            "/api/v1": api_rules(routes_of_api),
            "/api/{method}": luigi_rules(READS, STEERING, OWN_BEHALF),
        }
    )
    app = make_app(daemon, logs, more, [Middleware(Gate, access, rules)], (feed.hear, pulse.hear))
    app.state.feed = feed
    return app


def _lookout(daemon: Daemon, state: str) -> Lookout | None:
    """Who sees what runs without the server do in the same folder; nobody where there can be none."""
    from rumbo.store.database import is_url
    from rumbo.store.lookout import HistoryLookout

    if is_url(state):
        return None
    return Lookout(HistoryLookout(state, lambda run: run in daemon.coordinator.runs))


def _of_outbox(state: str, question: Callable[[StateOutbox], T]) -> T:
    """What the alerts on their way answer, over a connection of its own: seldom asked, and in any thread."""
    outbox = StateOutbox(state)
    try:
        return question(outbox)
    finally:
        outbox.close()


def _settings() -> list[Setting]:
    from rumbo.cli.config import rows, written
    from rumbo.web.api.shapes import Setting

    return [
        Setting(section=row.section, key=row.key, value=written(row.value), origin=row.origin, help=row.help)
        for row in rows()
    ]
