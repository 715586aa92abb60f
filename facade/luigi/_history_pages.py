"""The pages about the past, from the history in Luigi's tables: at the same addresses as in Luigi, as plain tables."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from luigi.db_task_history import DbTaskHistory, TaskRecord

NO_HISTORY = (
    "There is no history: set record_task_history in the section [scheduler], and [task_history] db_connection."
)

_STYLE = "body{font-family:sans-serif}td,th{text-align:left;padding:.1em 1em .1em 0;vertical-align:top}"


def history_routes(history: Callable[[], Any]) -> list[Any]:
    """The addresses below ``/history`` and ``/tasklist``.

    Args:
        history: the scheduler's history, at this moment.
    """
    from starlette.responses import HTMLResponse, PlainTextResponse
    from starlette.routing import Route

    def page(title: str, find: Callable[[DbTaskHistory, Any, Any], Iterable[TaskRecord]]) -> Any:
        def answer(request: Any) -> Any:
            kept = history()
            if not hasattr(kept, "_session"):
                return PlainTextResponse(NO_HISTORY, 404)
            with kept._session() as session:
                try:
                    records = list(find(kept, request, session))
                except (LookupError, ValueError):
                    return PlainTextResponse("There is no such task in the history.", 404)
                return HTMLResponse(_table(title, records))

        return answer

    def by_params(kept: DbTaskHistory, request: Any, session: Any) -> Iterable[TaskRecord]:
        wanted = json.loads(request.query_params.get("data", "{}"))
        return kept.find_all_by_parameters(request.path_params["name"], session, **wanted)

    def by_name(kept: DbTaskHistory, request: Any, session: Any) -> Iterable[TaskRecord]:
        return kept.find_all_by_name(request.path_params["name"], session)

    def by_number(kept: DbTaskHistory, request: Any, session: Any) -> Iterable[TaskRecord]:
        found = kept.find_task_by_id(int(request.path_params["id"]), session)
        if found is None:
            raise LookupError
        return [found]

    def by_id(kept: DbTaskHistory, request: Any, session: Any) -> Iterable[TaskRecord]:
        return [kept.find_task_by_task_id(request.path_params["id"], session)]

    return [
        Route("/tasklist", page("All tasks", lambda kept, _, session: kept.find_all_runs(session))),
        Route("/tasklist/{name}", page("Tasks of a family", by_name)),
        Route("/history", page("Tasks of the last day", lambda kept, _, session: kept.find_latest_runs(session))),
        Route("/history/by_name/{name}", page("Tasks of a family", by_name)),
        Route("/history/by_id/{id}", page("A task", by_number)),
        Route("/history/by_task_id/{id}", page("A task", by_id)),
        Route("/history/by_params/{name}", page("Tasks with these parameters", by_params)),
    ]


def _table(title: str, records: Iterable[TaskRecord]) -> str:
    rows = []
    for record in records:
        values = "<br>".join(f"{_text(each.name)}={_text(each.value)}" for each in record.parameters.values())
        events = "<br>".join(f"{_text(each.event_name)} {_text(each.ts)}" for each in record.events)
        rows.append(
            f'<tr><td><a href="/history/by_id/{record.id}">{record.id}</a>'
            f'<td><a href="/history/by_name/{_text(record.name)}">{_text(record.name)}</a>'
            f"<td>{_text(record.host)}<td>{values}<td>{events}"
        )
    return (
        f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<table><tr><th>number<th>family<th>host<th>parameters<th>what happened, in UTC{''.join(rows)}</table>"
    )


def _text(value: object) -> str:
    return html.escape("" if value is None else str(value))
