"""Settings: how Rumbo behaves, from files and the environment, typed and with the place each came from.

Stronger sources first: the flags of a command, ``RUMBO_*`` variables, ``rumbo.toml`` (or ``[tool.rumbo]`` in
``pyproject.toml``) in the folder, ``~/.config/rumbo/rumbo.toml``, the defaults below. Parameters of tasks are no
settings: ``[tasks.Family]`` tables in the same files are read by `rumbo.pipeline.config`.

    [run]
    workers = 4

    [retry]
    disable_after = 5

    [resources]
    database = 3

The variable for ``[run] workers`` is ``RUMBO_RUN_WORKERS``, for ``[resources] database`` it is
``RUMBO_RESOURCES_DATABASE``.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class RunSettings(NamedTuple):
    """``[run]``: how tasks are run."""

    module: str = ""
    """Where tasks are looked for when no module is named."""
    workers: int = 1
    """Attempts at a time."""
    executor: str = "auto"
    """inline, processes, threads, or auto: inline for one worker that schedules for itself, else processes."""
    deep: bool = False
    """Look below complete tasks too."""
    history: bool = True
    """Remember runs in the folder's .rumbo/."""
    capture: bool = True
    """Keep what attempts print, next to the history."""
    check_threads: int = 32
    """How many tasks may be asked at once whether they are complete, when that is slow."""
    check_complete: bool = True
    """A task that finished without making its outputs has failed."""
    check_dependencies: bool = False
    """Ask each dependency again just before a task runs."""
    max_parked: int = 1000
    """Generators that one process keeps while they wait for what they asked for."""
    allow_collisions: bool = False
    """Take tasks that differ only in insignificant parameters for one."""
    recycle_after: int | None = None
    """Replace a worker process after so many attempts."""


class RetrySettings(NamedTuple):
    """``[retry]``: for tasks that do not say it themselves. Times in seconds."""

    disable_after: int | None = None
    """So many failures within the window disable a task."""
    window: float | None = None
    """In this time failures are counted together."""
    hard_timeout: float | None = None
    """So long after its first failure a task is disabled."""
    disable_for: float = 86_400.0
    """How long a task stays disabled."""
    reopen_after: float | None = None
    """A failed task is tried again after this time."""


class HistorySettings(NamedTuple):
    """``[history]``: what is kept of the past. Older runs are forgotten after each run, every hour by a server,
    and by ``rumbo prune``."""

    keep_runs: int | None = None
    """Keep so many runs, the latest."""
    keep_days: float | None = None
    """Keep runs of so many days."""


class SchedulerSettings(NamedTuple):
    """``[scheduler]``: the server to work for, if not for oneself. Times in seconds."""

    url: str = ""
    """Address of a server, such as http://localhost:8082. Empty: schedule in the process itself."""
    token: str = ""
    """Shown to a server that wants one."""
    certificates: str = ""
    """File with the certificates to trust, for a server with its own."""
    patience: float = 86_400.0
    """A server that does not answer is tried again for so long."""
    pools: str = "default"
    """Pools of tasks that are run here, separated by commas."""


class ServerSettings(NamedTuple):
    """``[server]``: how ``rumbo serve`` serves. Times in seconds."""

    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 8082
    """Port to listen at; 0: any that is free."""
    unix_socket: str = ""
    """A socket in the file system to listen at, in place of host and port."""
    state: str = ".rumbo"
    """Where the server's memory and the history are: a folder, or a PostgreSQL database's URL."""
    log_dir: str = ""
    """Folder for what attempts print. Empty: in the state's folder, or in .rumbo if that is none."""
    certificate: str = ""
    """File with the server's certificate, to speak TLS."""
    key: str = ""
    """File with the certificate's private key."""
    lease: float = 30.0
    """A worker that was silent for so long is taken for lost, and its tasks are given to others."""
    forget_after: float = 600.0
    """A task that nobody wants any more is dropped after so long."""
    cooldown: float = 10.0
    """For so long a task that was done is held for complete, though a run does not find its output (yet)."""
    max_losses: int = 3
    """A task whose workers were lost so often in a row has failed."""
    insecure: bool = False
    """Listen at other addresses than this machine's own without asking for tokens."""
    require_tokens: bool = False
    """Ask for tokens on this machine's own addresses too."""
    names: str = ""
    """Other names by which it is reached at this machine's own addresses, as through a proxy, separated by commas."""
    unix_socket_mode: str = "600"
    """Permissions of the socket in the file system, as chmod takes them."""
    rate: float = 100.0
    """Requests a second, on average, that are answered for one token; 0: any number. Those of workers never count."""
    audit_days: float = 365.0
    """For so many days it is remembered who changed what."""
    preview_folders: str = "."
    """Folders where it may look at what tasks made, by commas, beginning where the state is; empty: nowhere."""


class AlertSettings(NamedTuple):
    """``[alerts]``: what people are told of. Times in seconds."""

    events: str = "task_failed, task_disabled, run_failed, scheduling_failed, worker_lost"
    """What is told, separated by commas; all: everything."""
    services: str = ""
    """Addresses of services as apprise has them, separated by spaces. Needs rumbo[alerts]."""
    batch_every: float = 0.0
    """Mails and messages gather alerts for so long and tell them together; 0: each is told at once."""
    group_by: str = "family"
    """What is told together: family, params (family and all parameters but batched ones) or task."""
    link: str = ""
    """Address at which people reach the server's pages. Empty: the one that it listens at."""
    log_lines: int = 20
    """So many of the last lines that an attempt printed are told with its failure."""
    give_up_after: float = 86_400.0
    """What a receiver does not take for so long is given up, and shown by `rumbo alerts`."""
    exit_wait: float = 10.0
    """At the end of a run without a server, wait at most so long until all is told."""


class MailSettings(NamedTuple):
    """``[mail]``: alerts by mail. Times in seconds."""

    host: str = ""
    """Machine with the SMTP server. Empty: no mail."""
    port: int = 0
    """Port there; 0: the usual one, 25, or 465 for tls."""
    encryption: str = "auto"
    """tls from the first byte, starttls, auto (starttls if the server offers it), or none."""
    certificates: str = ""
    """File with the certificates to trust, for a server with its own."""
    user: str = ""
    """User there, if it wants one."""
    password: str = ""
    """Password there."""
    sender: str = ""
    """Whom mails come from. Empty: rumbo at this machine."""
    to: str = ""
    """Who hears of everything, separated by commas. Owners of tasks hear of theirs besides."""
    format: str = "plain"
    """plain, or html with the plain text beside it."""
    prefix: str = "Rumbo:"
    """Before every subject."""
    timeout: float = 10.0
    """Wait so long for the server at each step."""


class WebhookSettings(NamedTuple):
    """``[webhook]``: alerts for programs. Times in seconds."""

    url: str = ""
    """Address to which each alert is posted as JSON. Empty: none is."""
    secret: str = ""
    """What posts are signed with. Empty: they are not."""
    events: str = ""
    """What is posted, separated by commas; all: everything. Empty: what [alerts] names."""
    certificates: str = ""
    """File with the certificates to trust, for a receiver with its own."""
    timeout: float = 10.0
    """Wait so long for an answer."""


class Settings(NamedTuple):
    """All settings in force."""

    run: RunSettings = RunSettings()
    retry: RetrySettings = RetrySettings()
    history: HistorySettings = HistorySettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    server: ServerSettings = ServerSettings()
    alerts: AlertSettings = AlertSettings()
    mail: MailSettings = MailSettings()
    webhook: WebhookSettings = WebhookSettings()
    resources: Mapping[str, float] = {}
    """How much there is of each resource; one of those not named."""
    origins: Mapping[tuple[str, str], str] = {}
    """(section, key) -> where its value was found; defaults are not in it."""

    @property
    def has_receivers(self) -> bool:
        """Whether anybody is to be told anything."""
        return bool(self.mail.host or self.webhook.url or self.alerts.services)


class Key(NamedTuple):
    """One setting, as ``rumbo config`` and the reference describe it."""

    section: str
    name: str
    kind: str
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"RUMBO_{self.section}_{self.name}".upper()


Section = (
    type[RunSettings]
    | type[RetrySettings]
    | type[HistorySettings]
    | type[SchedulerSettings]
    | type[ServerSettings]
    | type[AlertSettings]
    | type[MailSettings]
    | type[WebhookSettings]
)
_SECTIONS: dict[str, Section] = {
    "run": RunSettings,
    "retry": RetrySettings,
    "history": HistorySettings,
    "scheduler": SchedulerSettings,
    "server": ServerSettings,
    "alerts": AlertSettings,
    "mail": MailSettings,
    "webhook": WebhookSettings,
}
_FOREIGN = frozenset(["tasks"])
"""Tables in the same files that others read."""
EXECUTORS = ("auto", "inline", "processes", "threads")
_CHOICES = {
    ("run", "executor"): EXECUTORS,
    ("alerts", "group_by"): ("family", "params", "task"),
    ("mail", "encryption"): ("auto", "starttls", "tls", "none"),
    ("mail", "format"): ("plain", "html"),
}
_AT_LEAST_ONE = frozenset(["workers", "check_threads", "max_parked", "recycle_after", "disable_after", "max_losses"])
_TRUE = frozenset(["1", "yes", "true", "on"])
_FALSE = frozenset(["0", "no", "false", "off"])
_SECRET = ("password", "passwd", "secret", "token", "api_key", "apikey", "credential")
_ADDRESSES_WITH_SECRETS = frozenset([("alerts", "services"), ("webhook", "url")])


def load(folder: str = ".", environment: Mapping[str, str] | None = None) -> Settings:
    """The settings for a folder.

    Args:
        folder: where ``rumbo.toml`` and ``pyproject.toml`` are looked for.
        environment: variables; those of the process when None.

    Raises:
        ConfigurationError: a file cannot be read, a key is unknown, or a value is not of its kind.
    """
    environment = os.environ if environment is None else environment
    values: dict[tuple[str, str], Any] = {}
    origins: dict[tuple[str, str], str] = {}
    for path, tables in _files(folder, environment):
        _take_tables(tables, path, values, origins)
    for variable in [name for name in environment if name.startswith("RUMBO_")]:
        _take_variable(variable, environment[variable], values, origins)
    if not values:
        return Settings()
    chosen: dict[str, dict[str, Any]] = {section: {} for section in (*_SECTIONS, "resources")}
    for (section, name), value in values.items():
        chosen[section][name] = value
    sections: dict[str, Any] = {section: record(**chosen[section]) for section, record in _SECTIONS.items()}
    return Settings(**sections, resources=chosen["resources"], origins=origins)


@cache  # their descriptions take long to find
def all_keys() -> tuple[Key, ...]:
    """Every setting there is, but for the names of resources."""
    return tuple(
        [
            Key(section, name, _kind(record, name), record._field_defaults[name], _help(record, name))
            for section, record in _SECTIONS.items()
            for name in record._fields
        ]
    )


def is_secret(name: str, section: str = "") -> bool:
    """Whether a value under this name, of our settings or a task's, should not be shown."""
    if (section, name) in _ADDRESSES_WITH_SECRETS:
        return True
    lowered = name.lower()
    return any(word in lowered for word in _SECRET)


def without_passwords(text: str) -> str:
    """A text with the passwords masked that addresses in it have."""
    if "://" not in text:
        return text
    import re

    return re.sub(r"(://[^\s:/@]*:)[^\s/@]+@", r"\1********@", text)


def value_from_text(section: str, name: str, text: str, where: str) -> Any:
    """A setting's value from text, as a variable or a flag has it.

    Raises:
        ConfigurationError: the text is not of the setting's kind. It names ``where``.
    """
    kind = "float" if section == "resources" else _kind(_SECTIONS[section], name)
    if not text.strip() and "None" in kind:
        return None
    try:
        value = _CONVERSIONS[kind.split(" ")[0]](text.strip())
    except ValueError:
        raise ConfigurationError(f"{where}: {text!r} is not {_EXPECTED[kind.split(' ')[0]]}.") from None
    return _checked(section, name, value, where)


# Files -----------------------------------------------------------------------------------------------------------


def _files(folder: str, environment: Mapping[str, str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Each file that is there with its tables of ours, the weakest first."""
    for base in (environment.get("XDG_CONFIG_HOME"), os.path.join(environment.get("HOME", "~"), ".config")):
        if base:
            user_file = os.path.join(base, "rumbo", "rumbo.toml")
            if os.path.isfile(user_file):
                yield user_file, _read(user_file)
            break
    project = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(project):
        with open(project, "rb") as file:
            mentions_us = b"tool.rumbo" in file.read()
        if mentions_us:  # parsing TOML costs more than all else here
            yield os.path.normpath(project), _read(project).get("tool", {}).get("rumbo", {})
    own = os.path.join(folder, "rumbo.toml")
    if os.path.isfile(own):
        yield os.path.normpath(own), _read(own)


def _read(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{os.path.normpath(path)} is not valid TOML: {error}.") from error


def _take_tables(
    tables: Mapping[str, Any], path: str, values: dict[tuple[str, str], Any], origins: dict[tuple[str, str], str]
) -> None:
    for section, table in tables.items():
        if section in _FOREIGN:
            continue
        if section not in ("resources", *_SECTIONS):
            raise ConfigurationError(
                f"{path}: there is no table [{section}]. {_advice(section, [*_SECTIONS, 'resources', 'tasks'])}"
            )
        if not isinstance(table, dict):
            raise ConfigurationError(f"{path}: {section} must be a table, so write [{section}] on a line of its own.")
        for spelled, value in table.items():
            name = spelled if section == "resources" else spelled.replace("-", "_")
            where = f"{path}, [{section}] {spelled}"
            if section != "resources" and name not in _SECTIONS[section]._fields:
                raise ConfigurationError(f"{where}: there is no such key. {_advice(name, _SECTIONS[section]._fields)}")
            values[section, name] = _typed(section, name, value, where)
            origins[section, name] = path


def _typed(section: str, name: str, value: Any, where: str) -> Any:
    """A TOML value, checked against the setting's kind."""
    kind = ("float" if section == "resources" else _kind(_SECTIONS[section], name)).split(" ")[0]
    fits: dict[str, Callable[[Any], bool]] = {
        "bool": lambda value: isinstance(value, bool),
        "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
        "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
        "str": lambda value: isinstance(value, str),
    }
    if not fits[kind](value):
        raise ConfigurationError(f"{where}: {value!r} is not {_EXPECTED[kind]}.")
    return _checked(section, name, value, where)


def _checked(section: str, name: str, value: Any, where: str) -> Any:
    choices = _CHOICES.get((section, name), ())
    if choices and value not in choices:
        raise ConfigurationError(f"{where}: there is no {name} {value!r}. {_advice(value, choices)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        least = 1 if section != "resources" and name in _AT_LEAST_ONE else 0
        if not value >= least:
            raise ConfigurationError(f"{where}: {value!r} is too small; {least} is the least.")
    return value


# The environment -------------------------------------------------------------------------------------------------


def _take_variable(
    variable: str, text: str, values: dict[tuple[str, str], Any], origins: dict[tuple[str, str], str]
) -> None:
    section, _, rest = variable.removeprefix("RUMBO_").lower().partition("_")
    if variable == "RUMBO_SCHEDULER":  # the one that people write most
        rest = "url"
    if section == "resources" and rest:
        values[section, rest] = value_from_text(section, rest, text, variable)
        origins[section, rest] = variable
        return
    if section in _SECTIONS and rest in _SECTIONS[section]._fields:
        values[section, rest] = value_from_text(section, rest, text, variable)
        origins[section, rest] = variable
        return
    from difflib import get_close_matches

    # A program may have variables of its own that begin like ours; only what looks like a slip is one.
    near = get_close_matches(variable, [key.variable for key in all_keys()], n=1, cutoff=0.8)
    if section in _SECTIONS or near:
        advice = f"Did you mean {near[0]}?" if near else "`rumbo config` lists all settings."
        raise ConfigurationError(f"The environment variable {variable} is no setting. {advice}")


# Kinds -----------------------------------------------------------------------------------------------------------


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


_CONVERSIONS: dict[str, Callable[[str], Any]] = {"bool": _boolean, "int": int, "float": float, "str": str}
_EXPECTED = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"}


def _kind(record: Section, name: str) -> str:
    """The annotation of a field as text, such as ``int | None``."""
    annotation = record.__annotations__[name]
    return str(getattr(annotation, "__forward_arg__", annotation))


def _help(record: type[Any], name: str) -> str:
    """The line under the field in this file, which is its description everywhere."""
    import inspect
    import re

    found = re.search(rf'^    {name}: [^\n]*\n    """(.*?)"""', inspect.getsource(record), re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _advice(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    known = list(known)
    near = get_close_matches(name, known, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}?" if near else f"There is: {', '.join(known)}."
