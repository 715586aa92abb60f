"""The command line as Luigi reads it: argparse over the parameters of all task classes that are known."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rumbo.pipeline import config
from rumbo.pipeline.registry import Register, compile_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _HoldsInstance(type):
    """Keeps what tasks take from the command line in step with ``CmdlineParser._instance``, which programs set."""

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_instance":
            config.use_command_line(None if value is None else value._line)


class CmdlineParser(metaclass=_HoldsInstance):
    """One command line. While it is the global instance, its ``--Family-x`` hold for every task that is made."""

    _instance: Any = None

    @classmethod
    def get_instance(cls) -> Any:
        """The command line in force, or None."""
        return cls._instance

    @classmethod
    @contextmanager
    def global_instance(cls, cmdline_args: Sequence[str], allow_override: bool = False) -> Iterator[CmdlineParser]:
        """Let a command line be in force within a block."""
        before = cls._instance
        assert before is None or allow_override, "Another command line is in force already."
        parser = cls(cmdline_args)
        with parser._in_force():
            yield parser

    @contextmanager
    def _in_force(self) -> Iterator[None]:
        before = CmdlineParser._instance
        CmdlineParser._instance = self
        try:
            yield
        finally:
            CmdlineParser._instance = before

    def __init__(self, cmdline_args: Sequence[str]) -> None:
        """Read the words of a command line; the module that it names is imported on the way.

        Raises:
            SystemExit: a flag is not understood, no task is named, or help was asked for.
            TaskNotFoundError: there is no task of this name.
        """
        known, _ = self._build_parser().parse_known_args(args=cmdline_args)
        if known.core_module:
            self._attempt_load_module(known)
            # The first word that is no flag's value may be another one, now that more flags are known.
            known, _ = self._build_parser().parse_known_args(args=cmdline_args)
        root_task = known.root_task
        parser = self._build_parser(root_task=root_task, help_all=known.core_help_all)
        self._possibly_exit_with_help(parser, known)
        if not root_task:
            raise SystemExit("No task specified")
        Register.get_task_cls(root_task)  # an unknown name is told before flags that only that task would have
        self.known_args = parser.parse_args(args=cmdline_args)
        self._line = config.CommandLine(self._values())

    def _values(self) -> dict[tuple[str, str], Any]:
        given: dict[tuple[str, str], Any] = {}
        found = vars(self.known_args)
        for family, _, name, parameter in Register.get_all_params():
            text = found.get(parameter._parser_global_dest(name, family))
            if text:
                given[family, name] = text
        return given

    @staticmethod
    def _build_parser(root_task: str | None = None, help_all: bool = False) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument(
            "root_task",
            nargs="?",  # optional to argparse, so that --help and --module are understood without it
            help="Task family to run. Is not optional.",
            metavar="Required root task",
        )
        parser.add_argument("-m", dest="core_module", help=argparse.SUPPRESS, default=argparse.SUPPRESS)
        for family, is_without_family, name, parameter in Register.get_all_params():
            is_root = family == root_task
            is_shown = is_root or help_all or parameter.always_in_help
            text = parameter.description if is_shown else argparse.SUPPRESS
            flag = _flag(name if is_without_family else f"{family}_{name}")
            parser.add_argument(flag, help=text, **parameter._parser_kwargs(name, family))
            if is_root:
                parser.add_argument(_flag(name), help=text, **parameter._parser_kwargs(name))
        return parser

    def get_task_obj(self) -> Any:
        """The task that the command line names."""
        return self._get_task_cls()(**self._get_task_kwargs())

    def _get_task_cls(self) -> Any:
        return Register.get_task_cls(self.known_args.root_task)

    def _get_task_kwargs(self) -> dict[str, Any]:
        """The values given with ``--x`` for the named task."""
        cls = self._get_task_cls()
        texts = {name: getattr(self.known_args, name) for name, _ in cls.get_params()}

        def source(name: str) -> str:
            return f"It was given as {_flag(name)} on the command line."

        return compile_table(cls).parse({name: text for name, text in texts.items() if text}, source)

    @staticmethod
    def _attempt_load_module(known_args: argparse.Namespace) -> None:
        if not known_args.core_module:
            return
        try:
            __import__(known_args.core_module)
        except ModuleNotFoundError as error:
            here = Path(*known_args.core_module.split("."))
            if error.name == known_args.core_module and (here.is_dir() or here.with_suffix(".py").is_file()):
                # `luigi` does not search the current folder, as Luigi's own command does not.
                error.add_note(
                    f"{here} is in this folder, where `luigi` does not look: write `python -m luigi` instead."
                )
            raise

    @staticmethod
    def _possibly_exit_with_help(parser: argparse.ArgumentParser, known_args: argparse.Namespace) -> None:
        if known_args.core_help or known_args.core_help_all:
            parser.print_help()
            sys.exit()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
