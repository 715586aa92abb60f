"""Targets in memory, shared by all processes that descend from the one that made them."""

from luigi import target
from luigi._forwarding import stand_for
from rumbo.pipeline import memory as _home
from rumbo.pipeline.formats import get_default_format
from rumbo.pipeline.memory import MemoryFileSystem as MockFileSystem
from rumbo.pipeline.memory import MemoryTarget as MockTarget

__all__ = ["MockFileSystem", "MockTarget", "get_default_format", "target"]

stand_for(__name__, _home)
