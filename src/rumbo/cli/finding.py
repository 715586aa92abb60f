"""Finding the tasks that words name: importing modules and files, and choosing classes."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from rumbo.cli.arguments import Finder, UsageError, parameter_flag
from rumbo.cli.streams import set_aside
from rumbo.errors import RumboError, TaskNotFoundError
from rumbo.pipeline.registry import Register, compile_table
from rumbo.wording import is_ours, place_of, plain_cause, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from rumbo.cli.arguments import Line, Wanted
    from rumbo.pipeline.task import Task


class ImportFailed(RumboError):
    """The module of the tasks raised an error when it was imported; the message shows its frames."""


class BuildFailed(RumboError):
    """A task's own constructor raised an error; the message shows its frames."""


def finder(command: str, default_module: str = "") -> Finder:
    """The way tasks are found for a command.

    Args:
        command: its name, for errors.
        default_module: imported when no other module is named.
    """

    def find(name: str, modules: Sequence[str]) -> type[Task]:
        module, task = split(name)
        if module:
            return class_of(task, [load_module(module)], command)
        named = list(modules)
        if not named and default_module:
            named.append(load_module(default_module))
        return class_of(task, named, command)

    return Finder(load_module, find)


def split(name: str) -> tuple[str, str]:
    """``module:Family``, ``file.py:Family``, ``file.py`` or ``Family`` as (module or file, family)."""
    module, colon, task = name.rpartition(":")
    if colon:
        return module, task
    if name.endswith(".py"):
        return name, ""
    return "", name


# Modules ---------------------------------------------------------------------------------------------------------


def load_module(name: str) -> str:
    """Import a module by its dotted name, or a file by its path; gives the module's name.

    The current folder is looked in first, as ``python -m`` does; a file's folder, as ``python file.py`` does.

    Raises:
        UsageError: there is no such module or file.
        ImportFailed: it raised an error.
    """
    path = _as_path(name)
    if path is None:
        _look_in("", first=True)
        return _import(name)
    if not os.path.isfile(path):
        raise UsageError(f"There is no file {path}. {_files_here()}".strip())
    folder, file = os.path.split(os.path.abspath(path))
    module = file.removesuffix(".py")
    if module == "__init__":
        folder, module = os.path.split(folder)
    if not module.isidentifier():
        raise UsageError(f"{name} cannot be imported, since {module!r} is no name of Python. Rename the file.")
    _look_in(folder, first=True)
    loaded = sys.modules.get(_import(module))
    origin = getattr(loaded, "__file__", None)
    if origin is not None and not os.path.samefile(origin, path):
        raise UsageError(
            f"{name} cannot be imported: another module of the name {module} is in the way ({origin}). Rename the file."
        )
    return module


def _as_path(name: str) -> str | None:
    if name.endswith(".py"):
        return name
    if os.sep in name:
        return os.path.join(name, "__init__.py") if os.path.isdir(name) else name + ".py"
    return None


def _look_in(folder: str, first: bool) -> None:
    # The empty text stands for whatever the current folder is; the console script puts its own folder there instead.
    folder = folder or os.getcwd()
    if folder not in sys.path and not (folder == os.getcwd() and "" in sys.path):
        sys.path.insert(0, folder)


def _import(name: str) -> str:
    if name in sys.modules:
        return name
    try:
        with set_aside():
            __import__(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(missing + "."):
            where = f"in {os.getcwd()} or on Python's path"
            raise UsageError(f"There is no module {missing} {where}. {_task_in(name) or _near(name)}".strip()) from None
        raise _failed(name, error) from error
    except RumboError as error:
        raise ImportFailed(f"{error}\nThis came up when {name} was imported{_at(error)}.") from error
    except SystemExit as error:
        raise ImportFailed(
            f"{name} ended the program while it was imported (SystemExit: {error.code}{_at(error)}). "
            "Put what is only for running it as a script below `if __name__ == '__main__':`."
        ) from error
    except Exception as error:
        raise _failed(name, error) from error
    return name


def _at(error: BaseException) -> str:
    place = place_of(error)
    return f", in {place}" if place else ""


def _failed(name: str, error: BaseException) -> ImportFailed:
    text = trimmed("".join(traceback_of(error)))
    return ImportFailed(f"{name} could not be imported, because it raised an error:\n\n{text.rstrip()}")


def _task_in(name: str) -> str:
    """What is meant by ``module.Task`` where a module is wanted; empty if it is not that."""
    module, _, task = name.rpartition(".")
    if _in_modules(task, [module]) is None:
        return ""
    return f"{task} is a task in {module}: write -m {module} {task}, or {module}:{task}."


def _near(name: str) -> str:
    from difflib import get_close_matches

    here = _modules_here()
    near = get_close_matches(name, here, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}?" if near else _files_here()


def _files_here() -> str:
    here = _modules_here()
    return f"The modules here are: {', '.join(sorted(here)[:10])}." if here else ""


def _modules_here() -> list[str]:
    return [file.removesuffix(".py") for file in os.listdir(".") if file.endswith(".py") and file != "__init__.py"]


# Classes ---------------------------------------------------------------------------------------------------------


def class_of(name: str, modules: Sequence[str], command: str = "run") -> type[Task]:
    """The class for a task's name: its family, or the class's own name if one of the modules has it.

    Raises:
        TaskNotFoundError, TaskAmbiguousError: the name does not lead to one task.
    """
    if not name:
        example = next((f" Write, for example, {modules[-1]}:{each}." for each in _families(modules)), "")
        raise UsageError(f"{modules[-1]} says where, but not which task. {_choice(modules)}{example}")
    by_name = _in_modules(name, modules)
    if by_name is not None:
        return by_name
    try:
        return Register.get_task_cls(name)
    except TaskNotFoundError as error:
        raise TaskNotFoundError(_not_found(name, modules, command)) from error


def tasks_of(module: str) -> list[type[Task]]:
    """The tasks that a module or the modules of a package define, in the order of definition; ours are left out."""
    found: dict[type[Task], None] = {}
    for cls in Register._reg:
        is_there = cls.__module__ == module or cls.__module__.startswith(f"{module}.")
        if is_there and cls._visible_in_registry and not cls.__name__.startswith("_"):
            found[cls] = None
    return list(found)


def _in_modules(name: str, modules: Sequence[str]) -> type[Task] | None:
    """A class that a module has under this name, also one that it imported from elsewhere."""
    from rumbo.pipeline.task import Task

    for module in modules:
        value: Any = getattr(sys.modules.get(module), name, None) if name.isidentifier() else None
        if isinstance(value, type) and issubclass(value, Task) and value._visible_in_registry:
            return value
    return None


def _not_found(name: str, modules: Sequence[str], command: str) -> str:
    if not modules:
        task = name.rpartition(".")[2]
        hint = _defined_here(task)
        where = (
            f"It seems to be defined in {hint}.py: rumbo {command} -m {hint} {task}"
            if hint
            else (f"Say where it is defined: rumbo {command} -m MODULE {name}, where MODULE is a module or a file.")
        )
        return f"There is no task {name}, since no module was named. {where}"
    from difflib import get_close_matches

    known = _families(modules)
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    near = near or [each for each in known if each.lower() == name.lower()]
    advice = f"Did you mean {' or '.join(near)}?" if near else _choice(modules)
    return f"There is no task {name} in {' or '.join(modules)}. {advice}"


def _families(modules: Sequence[str]) -> list[str]:
    return [cls.get_task_family() for module in modules for cls in tasks_of(module)]


def _choice(modules: Sequence[str]) -> str:
    known = _families(modules)
    return f"It has: {', '.join(known)}." if known else "It defines no tasks."


def _defined_here(name: str) -> str:
    """The module in the current folder that seems to define a class of this name; empty without one."""
    if not name.isidentifier():
        return ""
    for module in sorted(_modules_here()):
        try:
            with open(f"{module}.py", encoding="utf-8", errors="replace") as file:
                if f"class {name}(" in file.read():
                    return module
        except OSError:
            continue
    return ""


def module_of_main() -> ModuleType:
    """The program itself."""
    return sys.modules["__main__"]


# Tasks -----------------------------------------------------------------------------------------------------------


def make_tasks(line: Line) -> list[Task]:
    """The tasks that the words name. What they say of other families holds from now on, in forked children too.

    Raises:
        ParameterError: a value is missing or not understood.
    """
    from rumbo.pipeline.config import CommandLine, use_command_line

    root = None
    if line.wanted:
        first = line.wanted[0]
        root = (first.cls.get_task_family(), first.texts)
    use_command_line(CommandLine(line.others, root))
    return [_make(wanted) for wanted in line.wanted]


def _make(wanted: Wanted) -> Task:
    # Not by its family: where two modules have a task of one name, the person has said which is meant.
    given = {name: text for name, text in wanted.texts.items() if text != ""}

    def source(name: str) -> str:
        return f"It was given as {parameter_flag(name)} on the command line."

    values = compile_table(wanted.cls).parse(given, source)
    try:
        return wanted.cls(**values)
    except RumboError:
        raise
    except Exception as error:
        text = trimmed("".join(traceback_of(error)))
        family = wanted.cls.get_task_family()
        raise BuildFailed(f"{family} could not be built, because it raised an error:\n\n{text.rstrip()}") from error


_LONG = 2000
"""Characters of a line of a traceback that are shown."""

# Tracebacks ------------------------------------------------------------------------------------------------------

_FRAME = re.compile(r'([ |]*)  File "(.*?)"')
"""The first line of a frame; within a group of exceptions, bars stand before it."""


def traceback_of(error: BaseException) -> list[str]:
    """An error as Python prints it."""
    from traceback import format_exception

    return format_exception(error)


def trimmed(text: str) -> str:
    """A traceback without the frames of Rumbo itself, which say nothing to the author of a task."""
    lines = text.split("\n")
    if not any(map(_FRAME.match, lines)):
        return text
    kept = list(_without_our_frames(lines))
    if not any(map(_FRAME.match, kept)):
        kept = [plain_cause(line) for line in kept if line != "Traceback (most recent call last):"]
    return "\n".join(kept)


def failure_text(message: str) -> str:
    """What a failed attempt left behind, for its author: the traceback without our frames, and no line endless."""
    text = trimmed(message.removeprefix("Runtime error:\n")).strip("\n")
    return text if len(text) < _LONG else "\n".join([shortened(line, _LONG) for line in text.split("\n")])


def _without_our_frames(lines: list[str]) -> Iterator[str]:
    skipping, before = False, ""
    for line in lines:
        frame = _FRAME.match(line)
        if frame is not None:
            before = frame[1]
            skipping = is_ours(frame[2])
        elif not line.startswith(before + "    "):
            skipping = False
        if not skipping:
            yield line
