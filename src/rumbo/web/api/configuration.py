"""The address of the settings in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from rumbo.web.api.shapes import Setting
from rumbo.web.api.terms import VIEWER

if TYPE_CHECKING:
    from collections.abc import Callable


def configuration(settings: Callable[[], list[Setting]]) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/configuration", tags=["server"], response_model=list[Setting], **VIEWER)
    def list_settings() -> list[Setting]:
        """The settings in force where the server runs, and where each comes from; secrets are masked."""
        return settings()

    return router
