"""`rumbo doctor`: what may be wrong with a project, above all with one that comes from Luigi."""

from __future__ import annotations

import importlib.metadata
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from rumbo.cli.completion import complete_modules
from rumbo.cli.finding import load_module, tasks_of
from rumbo.cli.version import version_line
from rumbo.pipeline.config import get_config
from rumbo.pipeline.parameter import ParameterVisibility, _no_value
from rumbo.pipeline.registry import Register
from rumbo.pipeline.task import Config, ExternalTask, Task, WrapperTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rumbo.pipeline.parameter import Parameter


class Finding(NamedTuple):
    """Something that a person should look at."""

    is_problem: bool
    """It goes wrong, or will; otherwise it is only good to know."""
    text: str


def _problem(text: str) -> Finding:
    return Finding(True, text)


def _note(text: str) -> Finding:
    return Finding(False, text)


# Packages --------------------------------------------------------------------------------------------------------


def packages(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Which `luigi` programs get, from the names and versions of what is installed."""
    luigi, ours = installed.get("luigi"), installed.get("rumbo-luigi")
    if luigi and ours:
        yield _problem(
            f"luigi {luigi} and rumbo-luigi {ours} are both installed, and both are the package luigi: the one that "
            "came last has overwritten the other. Remove Luigi, and put back what it took along: pip uninstall luigi; "
            "pip install --force-reinstall --no-deps rumbo-luigi."
        )
    elif luigi:
        yield _note(
            f"luigi {luigi} is installed, so programs that import luigi run on Luigi itself. "
            "To let Rumbo run them: pip uninstall luigi; pip install rumbo-luigi."
        )
    elif ours:
        yield _note(f"rumbo-luigi {ours} is installed: programs that import luigi run on Rumbo.")


def _installed() -> dict[str, str]:
    return {each.name.lower(): each.version for each in importlib.metadata.distributions() if each.name}


# Configuration ---------------------------------------------------------------------------------------------------

_SECTIONS = """
    logging resources rumbo alerts hadoop hadoopcli hdfs webhdfs hive kubernetes mysql postgres redshift mssql
    sqlalchemy elasticsearch redis presto prometheus datadog scalding spark pyspark_runner pig s3 salesforce OpenPai
    task_history cors
"""
OF_NOBODY = frozenset(_SECTIONS.split())
"""Sections of Luigi's that are no tasks, or are those of modules that need not be imported."""

OF_LUIGI = {
    "core": "interface",
    "worker": "worker",
    "scheduler": "scheduler",
    "retcode": "retcodes",
    "execution_summary": "execution_summary",
    "email": "notifications",
    "smtp": "notifications",
    "sendgrid": "notifications",
    "batch_email": "batch_notifier",
}
"""Sections about Luigi itself, and the modules that have classes of these names."""

FORMER_CORE = {
    "default_scheduler_host": "[core] scheduler_host",
    "default_scheduler_port": "[core] scheduler_port",
    "default_scheduler_url": "[core] scheduler_url",
    "worker_timeout": "[worker] timeout",
    "worker_keep_alive": "[worker] keep_alive",
    "worker_count_uniques": "[worker] count_uniques",
    "worker_ping_interval": "[worker] ping_interval",
    "worker_wait_interval": "[worker] wait_interval",
    "worker_max_reschedules": "[worker] max_reschedules",
    "worker_task_limit": "[worker] task_limit",
    "retry_external_tasks": "[worker] retry_external_tasks",
}
"""Options of the section ``[core]`` that moved, and where they are now."""

_CORE = """
    autoload_range no_configure_logging tmp_dir hdfs_tmp_dir history_filename rpc_connect_timeout rpc_retry_attempts
    rpc_retry_wait rpc_log_retries default_scheduler_host default_scheduler_port default_scheduler_url
"""
CORE_ALONE = frozenset(_CORE.split())
"""Options of ``[core]`` that are no parameters of Luigi's class of that name."""


def configuration(others: Sequence[Any] = ()) -> Iterator[Finding]:
    """Sections and options of the files in force that nobody reads, or that are written in an old way.

    Args:
        others: tasks of Luigi itself, which our registry does not know.
    """
    classes = _sections_of_luigi()
    classes |= {cls.get_task_family(): cls for cls in map(_resolved, Register.task_names()) if cls is not None}
    classes |= {cls.get_task_family(): cls for cls in others}
    for source in get_config().sources:
        for section in source.sections():
            if section in OF_NOBODY or section == "DEFAULT" or (section in OF_LUIGI and section not in classes):
                continue
            if section not in classes:
                yield _note(f"[{section}] in the configuration belongs to no task that is loaded. Is it spelled right?")
                continue
            for option in source.options(section):
                finding = _option(source.where(section, option), section, option, classes[section])
                if finding is not None:
                    yield finding


def _sections_of_luigi() -> dict[str, Any]:
    """The sections of Luigi's configuration that are about itself, if it is there: ours, or Luigi's own."""
    try:
        return {name: getattr(import_module(f"luigi.{module}"), name) for name, module in OF_LUIGI.items()}
    except ImportError:
        return {}


def _resolved(family: str) -> type[Task] | None:
    try:
        return Register.get_task_cls(family)
    except Exception:  # noqa: BLE001 - two classes of one name: whoever asks for them is told
        return None


def _option(where: str, section: str, option: str, cls: Any) -> Finding | None:
    name = option.replace("-", "_")
    if section == "core" and name in FORMER_CORE:
        return _note(f"{where} has moved: write {FORMER_CORE[name]}.")
    known = name in dict(cls.get_params()) or name in getattr(cls, "ignore_unconsumed", ())
    if not known and not (section == "core" and name in CORE_ALONE):
        return _problem(f"{where} is read by nobody: {section} has no parameter {name}.")
    if name != option:
        return _note(f"{where} is written with dashes: write {name}.")
    return None


# Tasks -----------------------------------------------------------------------------------------------------------


def task_findings(cls: type[Task]) -> Iterator[Finding]:
    """What may surprise about a class of tasks."""
    family = cls.get_task_family()
    is_made = not issubclass(cls, Config | ExternalTask | WrapperTask) and cls.run is not None
    if is_made and cls.output is Task.output and cls.complete is Task.complete:
        yield _problem(f"{family} has neither an output() nor a complete() of its own, so it runs each time.")
    for name, parameter in cls.get_params():
        yield from _parameter_findings(family, name, parameter)


def _parameter_findings(family: str, name: str, parameter: Parameter[Any]) -> Iterator[Finding]:
    if parameter.visibility == ParameterVisibility.PRIVATE:
        yield _note(
            f"{family}.{name} is private, so no other process is told it: where it matters, give it by configuration."
        )
        return
    default = parameter._default
    if default is _no_value:
        return
    try:
        value = parameter.normalize(default)
        again = parameter.normalize(parameter.parse(parameter.serialize(value)))
    except Exception as error:  # noqa: BLE001 - the user's code; what it says is the finding
        yield _problem(
            f"{family}.{name}: its default {default!r} cannot be written as text and read again ({error}), "
            "so the task cannot be made in another process."
        )
        return
    if again != value:
        yield _problem(
            f"{family}.{name}: its default {default!r} comes back as {again!r} when it is written as text and read, "
            "so the task is another one in another process."
        )


# The command -----------------------------------------------------------------------------------------------------


def examine(modules: Sequence[str]) -> list[Finding]:
    """All that there is to say about the environment, the configuration here, and the tasks of modules."""
    findings = list(packages(_installed()))
    names = [load_module(module) for module in modules]
    others = {name: tasks_of_luigi_itself(name) for name in names}
    findings += configuration([cls for classes in others.values() for cls in classes])
    for name in names:
        for cls in tasks_of(name):
            findings += task_findings(cls)
        if others[name]:
            findings.append(
                _note(f"The tasks of {name} are Luigi's own, so they are not looked at. Install rumbo-luigi for that.")
            )
    return findings


def tasks_of_luigi_itself(module: str) -> list[Any]:
    """The tasks in a module that are Luigi's, because the package `luigi` here is Luigi itself."""
    found = vars(sys.modules[module]).values()
    return [each for each in found if type(each).__module__ == "luigi.task_register" and each.__module__ == module]


@click.command("doctor")
@click.argument("modules", nargs=-1, shell_complete=complete_modules)
@click.option("-m", "--module", "more", multiple=True, metavar="MODULE", help="The same as an argument.",
              shell_complete=complete_modules)  # fmt: skip
def doctor_command(modules: tuple[str, ...], more: tuple[str, ...]) -> int:
    """Look for what may be wrong: packages, the configuration here, and the tasks of MODULES (modules or files)."""
    findings = examine([*modules, *more])
    click.echo(version_line())
    for finding in findings:
        click.echo(f"{'problem' if finding.is_problem else 'note'}: {finding.text}")
    problems = sum(finding.is_problem for finding in findings)
    click.echo("No problems." if not problems else "1 problem." if problems == 1 else f"{problems} problems.")
    return 1 if problems else 0
