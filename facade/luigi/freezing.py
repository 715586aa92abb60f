"""Mappings and sequences that cannot change."""

from rumbo.pipeline.freezing import FrozenOrderedDict, recursively_freeze, recursively_unfreeze

__all__ = ["FrozenOrderedDict", "recursively_freeze", "recursively_unfreeze"]
