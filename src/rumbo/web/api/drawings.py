"""The addresses of drawings of a run: its tasks as a diagram, and its attempts over time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from starlette.responses import Response

from rumbo import codec
from rumbo.web.api.shapes import Diagram, Timeline
from rumbo.web.api.terms import VIEWER, Id
from rumbo.web.diagram import Diagrams, Outline, around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rumbo.history import OutlineRow
    from rumbo.web.api.readers import Readers

_ORDER = (
    "failed",
    "lost",
    "disabled",
    "running",
    "batched",
    "parked",
    "pending",
    "cancelled",
    "unknown",
    "done",
    "skipped",
)
"""Which state a family shows: the first of these that any of its tasks has."""

Tasks = Annotated[int, Query(ge=1, le=20_000)]


def drawings(readers: Readers) -> APIRouter:
    """The routes. Their answers can be large, so they are written by msgspec and in columns."""
    router = APIRouter()
    diagrams = Diagrams()

    @router.get("/runs/{run}/diagram", tags=["runs"], response_model=Diagram, **VIEWER)
    def draw_diagram(
        run: Id,
        by: Literal["task", "family"] = "task",
        family: Annotated[list[str] | None, Query(description="Only tasks of these families.")] = None,
        focus: Annotated[
            str | None, Query(max_length=2000, description="Only what is around this task, by its id or a part of it.")
        ] = None,
        up: Annotated[int, Query(ge=0, le=1000, description="Steps to what it needs.")] = 2,
        down: Annotated[int, Query(ge=0, le=1000, description="Steps to what needs it.")] = 2,
        hide_done: bool = False,
        limit: Tasks = 10_000,
    ) -> Response:
        """The tasks or families of a run as a drawing from left to right: boxes, arrows, states."""
        with readers.one() as history:
            rows = history.outline(history.run(run), (limit if by == "task" and not family else _MOST) + 1)
        if by == "family":
            return _json(_families(rows[:_MOST], diagrams, len(rows) > _MOST))
        around_task = _found(rows, focus) if focus else None
        if around_task is not None:
            needs = _outline(rows).needs
            focus = rows[around_task].task_id
            rows = [rows[place] for place in around(needs, around_task, up, down)]
        if family:
            rows = [row for row in rows if row.family in family]
        if hide_done:
            rows = [row for row in rows if row.state != "done"]
        return _json(_tasks(rows[:limit], diagrams, focus or "", len(rows) > limit))

    @router.get("/runs/{run}/timeline", tags=["runs"], response_model=Timeline, **VIEWER)
    def draw_timeline(run: Id, limit: Tasks = 10_000) -> Response:
        """The attempts of a run over time, in lanes by worker, and the chain of tasks that decided how long it took."""
        with readers.one() as history:
            return _json(history.timeline(history.run(run), time.time(), limit)._asdict())

    return router


_MOST = 200_000


def _json(drawn: dict[str, object]) -> Response:
    return Response(codec.encode(drawn), media_type="application/json")


def _outline(rows: Sequence[OutlineRow]) -> Outline:
    place = {row.position: number for number, row in enumerate(rows)}
    needs = tuple(tuple(place[each] for each in row.dependencies if each in place) for row in rows)
    return Outline(tuple(row.family for row in rows), needs)


def _state(row: OutlineRow) -> str:
    return "skipped" if row.state == "done" and row.verdict == "skip" else row.state


def _tasks(rows: Sequence[OutlineRow], diagrams: Diagrams, focus: str, is_cut: bool) -> dict[str, object]:
    outline = _outline(rows)
    return {
        "by": "task",
        **diagrams.draw(outline)._asdict(),
        "names": [row.task_id for row in rows],
        "families": outline.families,
        "states": [_state(row) for row in rows],
        "counts": [],
        "needs": outline.needs,
        "focus": focus,
        "is_cut": is_cut,
    }


def _families(rows: Sequence[OutlineRow], diagrams: Diagrams, is_cut: bool) -> dict[str, object]:
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        of_family = counts.setdefault(row.family, {})
        state = _state(row)
        of_family[state] = of_family.get(state, 0) + 1
    return {
        "by": "family",
        **diagrams.draw(_outline(rows), is_by_family=True)._asdict(),
        "names": list(counts),
        "families": list(counts),
        "states": [next((state for state in _ORDER if each.get(state)), "unknown") for each in counts.values()],
        "counts": list(counts.values()),
        "needs": [],
        "focus": "",
        "is_cut": is_cut,
    }


def _found(rows: Sequence[OutlineRow], text: str) -> int:
    """The place of the task with this id, or else of the first one whose id has this text in it."""
    wanted = text.lower()
    part = None
    for number, row in enumerate(rows):
        if row.task_id == text:
            return number
        if part is None and wanted in row.task_id.lower():
            part = number
    if part is None:
        raise HTTPException(404, f"{text} is in no id of the tasks of this run that can be drawn.")
    return part
