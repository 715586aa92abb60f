"""The address of alerts on their way: those that wait to be sent, and those that were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from rumbo.web.api.shapes import Undelivered
from rumbo.web.api.terms import VIEWER, Limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.ports import Letter


def alerts(undelivered: Callable[[], list[Letter]]) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/alerts", tags=["server"], **VIEWER)
    def list_alerts(limit: Limit = 200) -> list[Undelivered]:
        """Alerts that have not reached their receivers: those that wait, by when they are due, then those given up."""
        return [_undelivered(letter) for letter in undelivered()[:limit]]

    return router


def _undelivered(letter: Letter) -> Undelivered:
    alert = letter.alert
    return Undelivered(
        receiver=letter.sink,
        status="given_up" if letter.is_given_up else "waiting",
        due=letter.due,
        tries=letter.tries,
        error=letter.error,
        event=alert.event,
        at=alert.at,
        run=alert.run,
        task=alert.task,
        worker=alert.worker,
    )
