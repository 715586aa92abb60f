"""Runs functions of a program and prints what each gives, as JSON: `tell(program, functions)`.

A program has a function for each subject. What it gives is a plain value, or several by `yield`. Each has a folder of
its own.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import json
import os
import warnings

import luigi
import luigi.parameter
import luigi.target
import luigi.task_register

_NAMES = (
    *("UnknownParameterException", "MissingParameterException", "DuplicateParameterException"),
    *("TaskClassNotFoundException", "TaskClassAmbigiousException", "FileAlreadyExists", "MissingParentDirectory"),
    *("KeyError", "ValueError", "TypeError", "AttributeError", "NotImplementedError"),
    *("ParameterException", "TaskClassException", "FileSystemException", "OSError", "RuntimeError", "Exception"),
)
KNOWN = {
    name: getattr(module, name)
    for name in _NAMES
    for module in (builtins, luigi.parameter, luigi.task_register, luigi.target)
    if hasattr(module, name)
}
"""Exceptions that programs catch, by Luigi's names."""


def raised(function, *args, **kwargs):
    """What a call gives, or which of the exceptions that programs know it raises."""
    try:
        return shown(function(*args, **kwargs))
    except Exception as error:
        return "raises " + " ".join(name for name, kind in KNOWN.items() if isinstance(error, kind))


def shown(value):
    if isinstance(value, dict | luigi.freezing.FrozenOrderedDict):
        return {str(name): shown(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *[shown(each) for each in value]]
    return value if isinstance(value, str | int | float | bool | None.__class__) else f"{type(value).__name__} {value}"


def tell(program, subjects):
    """Print, by subject, what the functions of a program give."""
    warnings.simplefilter("ignore")
    module = importlib.import_module(program)
    getattr(module, "prepare", lambda: None)()
    told = {}
    for subject in subjects:
        folder = os.path.join(os.getcwd(), subject)
        os.makedirs(folder)
        os.chdir(folder)
        found = getattr(module, subject)()
        told[subject] = list(map(plain, found)) if inspect.isgenerator(found) else found
        os.chdir("..")
    print(json.dumps(told, default=str))


def plain(reply):
    """A reply without the order of names, and of ids that Luigi keeps in sets."""
    if isinstance(reply, dict):
        return {str(name): sorted(value) if name == "deps" else plain(value) for name, value in reply.items()}
    if isinstance(reply, list | tuple):
        return [plain(each) for each in reply]
    return reply
