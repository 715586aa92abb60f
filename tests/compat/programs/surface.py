"""Prints, as JSON, what the installed `luigi` offers outside of contrib: modules, their names, and how each is called.

A name counts that does not begin with an underscore and was made in Luigi's package, or that ``__all__`` lists.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import types

import luigi


def modules():
    names = ["luigi", *[each.name for each in pkgutil.walk_packages(luigi.__path__, "luigi.")]]
    return sorted(name for name in names if "luigi.contrib" not in name and "._" not in name and "__main__" not in name)


def signature(thing):
    """How something is called: names of arguments, which have defaults and what those are, if they are plain."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    return [f"{stars(each)}{each.name}{default(each)}" for each in parameters]


def stars(parameter):
    return {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")


def default(parameter):
    if parameter.default is parameter.empty:
        return ""
    plain = isinstance(parameter.default, str | int | float | bool | types.NoneType)
    return f"={parameter.default!r}" if plain else "=..."


def class_surface(cls):
    members = {}
    for name in sorted(dir(cls)):
        if name.startswith("_") and (name != "__init__" or cls.__init__ is object.__init__):
            continue
        raw = inspect.getattr_static(cls, name)
        members[name] = member(cls, name, raw)
    return members


def member(cls, name, raw):
    if isinstance(raw, classmethod | staticmethod | types.FunctionType):
        return signature(raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw)
    return "value"


def surface(module):
    listed = set(getattr(module, "__all__", ()))
    names = {}
    for name, value in vars(module).items():
        if name.startswith("_") and name not in listed:
            continue
        home = str(getattr(value, "__module__", "") or "")
        is_ours = home.startswith(("luigi", "rumbo")) or not isinstance(value, type | types.FunctionType)
        if isinstance(value, types.ModuleType) or not is_ours:
            continue
        if isinstance(value, type):
            names[name] = {"class": class_surface(value), "home": home}
        elif isinstance(value, types.FunctionType):
            names[name] = {"function": signature(value)}
        elif home != "typing":
            names[name] = {"value": type(value).__name__}
    return names


if __name__ == "__main__":
    found = {}
    for name in modules():
        try:
            found[name] = surface(importlib.import_module(name))
        except ImportError as error:
            found[name] = {"not importable": str(error)}
    print(json.dumps(found))
