"""The names of events."""

from rumbo.pipeline.events import Event

__all__ = ["Event"]
