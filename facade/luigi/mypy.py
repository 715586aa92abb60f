"""The plugin for mypy that Luigi needs. Here types of parameters need none, so it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy.plugin import Plugin


def plugin(version: str) -> type[Plugin]:
    """What mypy asks for when its settings name this module."""
    from mypy.plugin import Plugin

    return Plugin
