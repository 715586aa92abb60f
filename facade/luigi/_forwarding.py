"""Lets a module that re-exports names stand for the modules that have them, also when a program replaces a name.

Programs set ``luigi.task.TASK_ID_INCLUDE_PARAMS = 5`` or patch ``luigi.parameter.warnings``, and expect that to hold
for what Luigi does from then on. The code that looks the name up lives in another module, so the name is set there too.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Standing(ModuleType):
    """A module whose names are also those of other modules."""

    _homes: tuple[ModuleType, ...]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("__"):
            for home in self._homes:
                if name in vars(home):
                    setattr(home, name, value)


def stand_for(name: str, *homes: ModuleType) -> None:
    """From now on what is set in the module called ``name`` is set in ``homes`` as well, where they have that name."""
    module = sys.modules[name]
    vars(module)["_homes"] = homes
    module.__class__ = _Standing
