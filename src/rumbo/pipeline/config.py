"""Values of parameters from outside the program: files of settings, and the command line.

Files, each stronger than the ones before it, key by key:

====================  ======================================================
``luigi.cfg``         ``[Family]`` sections; ``/etc/luigi/luigi.cfg`` before it
``luigi.toml``        ``[Family]`` tables; ``/etc/luigi/luigi.toml`` before it
LUIGI_CONFIG_PATH     one more file of either kind
``pyproject.toml``    ``[tool.rumbo.tasks.Family]`` tables
``rumbo.toml``        ``[tasks.Family]`` tables
====================  ======================================================

They are looked for in the current folder when the first value is asked for, never at import. The command line is
stronger than all files; only what a constructor is given is stronger than the command line.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

from rumbo.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Protocol

    class Source(Protocol):
        """Where values come from: sections of options."""

        def has_section(self, section: str) -> bool:
            """Whether anything is said about this section. Asked for each new task, so it must be quick."""
            ...

        def sections(self) -> Iterable[str]:
            """The names of all sections."""
            ...

        def options(self, section: str) -> Mapping[str, Any]:
            """All options of a section; empty when there is no such section."""
            ...

        def lookup(self, section: str, option: str) -> Any:
            """The value, or ``ABSENT``."""
            ...

        def where(self, section: str, option: str) -> str:
            """Where a person finds the value, such as ``[Clean] limit in luigi.cfg``."""
            ...


class _Absent:
    """Says that there is no value, where None could be one."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT = _Absent()
NO_DEFAULT = ABSENT

_TRUE = frozenset(["1", "yes", "true", "on"])
_FALSE = frozenset(["0", "no", "false", "off"])


class Tables:
    """Sections held in memory: what TOML files say, or what a program sets.

    A family with a namespace is found as ``["ns.Family"]`` and as ``[ns.Family]`` alike.
    """

    def __init__(self) -> None:
        self._tables: dict[str, Any] = {}
        self._origins: dict[tuple[str, str], str] = {}

    def add(self, tables: Mapping[str, Any], origin: str) -> None:
        """Take over sections; values that were there already give way."""
        for section, content in tables.items():
            if isinstance(content, dict):
                self._tables.setdefault(section, {}).update(content)
                for option in content:
                    self._origins[section, option] = origin

    def put(self, section: str, option: str, value: Any, origin: str) -> None:
        """Set one value."""
        self._tables.setdefault(section, {})[option] = value
        self._origins[section, option] = origin

    def _content(self, section: str) -> Mapping[str, Any] | None:
        content: Any = self._tables.get(section)
        if content is None and "." in section:
            content = self._tables
            for step in section.split("."):
                content = content.get(step) if isinstance(content, dict) else None
        return content if isinstance(content, dict) else None

    def has_section(self, section: str) -> bool:
        """Whether there is a table of this name."""
        return section in self._tables or ("." in section and self._content(section) is not None)

    def sections(self) -> Iterable[str]:
        """The names of all tables."""
        return list(self._tables)

    def options(self, section: str) -> Mapping[str, Any]:
        """All keys of a table."""
        return self._content(section) or {}

    def lookup(self, section: str, option: str) -> Any:
        """The value of a key, also when it is spelled with dashes; ``ABSENT`` without one."""
        content = self._content(section)
        if content is None:
            return ABSENT
        if option in content:
            return content[option]
        return content.get(option.replace("_", "-"), ABSENT)

    def where(self, section: str, option: str) -> str:
        """The table, the key and the file."""
        for spelling in (option, option.replace("_", "-")):
            origin = self._origins.get((section, spelling))
            if origin:
                return f"[{section}] {spelling} in {origin}"
        first = section.split(".")[0]
        origins = {origin for (known, _), origin in self._origins.items() if known == first}
        return f"[{section}] {option}" + (f" in {origins.pop()}" if len(origins) == 1 else "")


class ParserSource:
    """A parser of Luigi's kind as a source. It is asked for anew each time, since programs replace it.

    Args:
        get_parser: gives the parser that is in force now.
    """

    def __init__(self, get_parser: Callable[[], Any]) -> None:
        self._get_parser = get_parser

    def has_section(self, section: str) -> bool:
        """Whether the parser has this section."""
        parser = self._get_parser()
        data = getattr(parser, "data", None)  # Luigi's TOML parser keeps plain dictionaries
        return section in data if data is not None else bool(parser.has_section(section))

    def sections(self) -> Iterable[str]:
        """The names of the parser's sections."""
        parser = self._get_parser()
        data = getattr(parser, "data", None)
        return list(data) if data is not None else list(parser.sections())

    def options(self, section: str) -> Mapping[str, Any]:
        """A section's own options as they are written, without those of ``[DEFAULT]``."""
        if not self.has_section(section):
            return {}
        parser = self._get_parser()
        data = getattr(parser, "data", None)
        if data is not None:
            return data[section] if isinstance(data[section], dict) else {}
        written = getattr(parser, "_sections", {}).get(section)
        return dict(written if written is not None else parser.items(section))

    def lookup(self, section: str, option: str) -> Any:
        """The value as the parser gives it, interpolated."""
        from configparser import NoOptionError, NoSectionError

        try:
            return self._get_parser().get(section, option)
        except (NoSectionError, NoOptionError, KeyError):
            return ABSENT

    def where(self, section: str, option: str) -> str:
        """The section, the option, and the file when the parser can tell."""
        tell = getattr(self._get_parser(), "file_of", None)
        found = tell(section, option) if tell else None
        return f"[{section}] {option}" + (f" in {found}" if found else " of the configuration")


class Configuration:
    """Sources in order of strength, and Luigi's way of asking them.

    Args:
        sources: the strongest first. What a program sets with ``set`` is stronger still.
    """

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self.sources: list[Source] = list(sources)
        self._assigned: Tables | None = None

    def set(self, section: str, option: str, value: Any = None) -> None:
        """Set a value from the program; it holds for tasks that are made from now on."""
        if self._assigned is None:
            self._assigned = Tables()
            self.sources.insert(0, self._assigned)
        self._assigned.put(section, option.replace("-", "_"), value, "the program")

    def read(self, path: str | os.PathLike[str]) -> None:
        """Add a file, stronger than those before it. ``.toml`` is TOML, anything else is INI.

        Raises:
            ConfigurationError: it cannot be read or understood.
        """
        path = os.fspath(path)
        if path.endswith(".toml"):
            self.sources.insert(1 if self._assigned else 0, _toml_source(path))
        else:
            self.sources.insert(1 if self._assigned else 0, _ini_source([path]))

    def sections(self) -> list[str]:
        """The names of all sections of all sources."""
        return list(dict.fromkeys(name for source in self.sources for name in source.sections()))

    def has_option(self, section: str, option: str) -> bool:
        """Whether any source has a value."""
        return any(source.lookup(section, option) is not ABSENT for source in self.sources)

    def items(self, section: str) -> list[tuple[str, Any]]:
        """All options of a section as they are written, the strongest value of each."""
        merged: dict[str, Any] = {}
        for source in reversed(self.sources):
            merged.update(source.options(section))
        return list(merged.items())

    def where(self, section: str, option: str) -> str | None:
        """Where a person finds the value that counts; None without one."""
        for source in self.sources:
            if source.lookup(section, option) is not ABSENT:
                return source.where(section, option)
        return None

    def get(self, section: str, option: str, default: Any = NO_DEFAULT) -> Any:
        """The value: text from INI files, any type from TOML.

        Raises:
            ConfigurationError: there is none, and no default was given.
        """
        option = option.replace("-", "_")
        for source in self.sources:
            value = source.lookup(section, option)
            if value is not ABSENT:
                return value
        if default is NO_DEFAULT:
            raise ConfigurationError(
                f"The configuration has no [{section}] {option}. Set it in rumbo.toml "
                f"([tasks.{section}]) or luigi.cfg ([{section}]), or give a default."
            )
        return default

    def getint(self, section: str, option: str, default: Any = NO_DEFAULT) -> Any:
        """The value as a whole number."""
        return self._converted(section, option, default, int, "a whole number")

    def getfloat(self, section: str, option: str, default: Any = NO_DEFAULT) -> Any:
        """The value as a number."""
        return self._converted(section, option, default, float, "a number")

    def getboolean(self, section: str, option: str, default: Any = NO_DEFAULT) -> Any:
        """The value as true or false; yes, on, 1 and their opposites are understood."""
        return self._converted(section, option, default, _boolean, "true or false")

    def getintdict(self, section: str) -> dict[str, int]:
        """All options of a section as whole numbers."""
        return {name: self.getint(section, name) for name, _ in self.items(section)}

    def _converted(self, section: str, option: str, default: Any, convert: Callable[[Any], Any], expected: str) -> Any:
        value = self.get(section, option, default)
        if value is default:
            return value
        try:
            return convert(value)
        except (TypeError, ValueError):
            where = self.where(section, option.replace("-", "_"))
            raise ConfigurationError(f"{where}: {value!r} is not {expected}.") from None


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(value)


# What is in force ------------------------------------------------------------------------------------------------

_configuration: Configuration | None = None


def get_config() -> Configuration:
    """The configuration in force. The first call looks for files in the current folder."""
    global _configuration
    if _configuration is None:
        _configuration = discover(".")
    return _configuration


def use(configuration: Configuration | None) -> Configuration | None:
    """Put another configuration in force; None looks for files again when next needed. Gives the one before."""
    global _configuration
    before, _configuration = _configuration, configuration
    return before


def follow_parser(get_parser: Callable[[], Any], folder: str = ".") -> None:
    """Take Luigi's own parser instead of our reading of Luigi's files; Rumbo's files stay stronger."""
    use(Configuration([*_rumbo_sources(folder), ParserSource(get_parser)]))


def discover(folder: str) -> Configuration:
    """A configuration from the files that are found in and around a folder.

    Raises:
        ConfigurationError: one of them cannot be read or understood.
    """
    sources = _rumbo_sources(folder)
    extra = os.environ.get("LUIGI_CONFIG_PATH", "")
    ini = ["/etc/luigi/luigi.cfg", os.path.join(folder, "luigi.cfg")]
    toml = ["/etc/luigi/luigi.toml", os.path.join(folder, "luigi.toml")]
    if extra:
        (toml if extra.endswith(".toml") else ini).append(extra)
    sources += [_toml_source(path) for path in reversed(toml) if os.path.isfile(path)]
    ini = [path for path in ini if os.path.isfile(path)]
    if ini:
        sources.append(_ini_source(ini))
    return Configuration(sources)


def _rumbo_sources(folder: str) -> list[Source]:
    sources: list[Source] = []
    own = os.path.join(folder, "rumbo.toml")
    if os.path.isfile(own):
        sources.append(_toml_source(own, "tasks"))
    shared = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(shared):
        with open(shared, "rb") as file:
            mentions_us = b"tool.rumbo.tasks" in file.read()
        if mentions_us:  # parsing TOML costs more than the whole rest of the start
            sources.append(_toml_source(shared, "tool", "rumbo", "tasks"))
    return sources


def _toml_source(path: str, *inside: str) -> Tables:
    from rumbo.pipeline.config_files import read_toml

    content: Any = read_toml(path)
    if not inside and os.path.basename(path) == "rumbo.toml":
        inside = ("tasks",)
    for step in inside:
        content = content.get(step, {}) if isinstance(content, dict) else {}
    tables = Tables()
    tables.add(content if isinstance(content, dict) else {}, os.path.normpath(path))
    return tables


def _ini_source(paths: list[str]) -> ParserSource:
    from rumbo.pipeline.config_files import LuigiConfigParser

    parser = LuigiConfigParser()
    parser.read(paths)
    return ParserSource(lambda: parser)


def sources_for(section: str) -> list[Source]:
    """The sources that say anything about this section, the strongest first. Asked for each new task."""
    configuration = _configuration if _configuration is not None else get_config()
    if not configuration.sources:
        return []
    return [source for source in configuration.sources if source.has_section(section)]


# The command line ------------------------------------------------------------------------------------------------


class CommandLine:
    """What the command line says about tasks.

    Attributes:
        values: (family, parameter) -> the text given with ``--Family-parameter``. They hold for every task of
            that family made during the run, unless its constructor is told otherwise.
        root: the family named on the command line and the texts given with ``--parameter``. They hold for
            that one task.
    """

    __slots__ = ("_families", "root", "values")

    def __init__(
        self, values: Mapping[tuple[str, str], Any], root: tuple[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.values = values
        self.root = root
        self._families = frozenset(family for family, _ in values)

    def mentions(self, family: str) -> bool:
        """Whether any value is given for this family."""
        return family in self._families

    def lookup(self, family: str, name: str) -> Any:
        """The value given with ``--Family-name``, or ``ABSENT``. An empty text means not given."""
        value = self.values.get((family, name), ABSENT)
        return ABSENT if value is None or value == "" else value

    def flag(self, family: str, name: str) -> str:
        """The flag as a person types it."""
        return f"--{family}-{name}".replace("_", "-")


_command_line: CommandLine | None = None


def command_line() -> CommandLine | None:
    """The command line in force, or None."""
    return _command_line


def command_line_value(family: str, name: str) -> Any:
    """The value given with ``--Family-name`` on the command line in force, or None."""
    if _command_line is None:
        return None
    value = _command_line.lookup(family, name)
    return None if value is ABSENT else value


def use_command_line(line: CommandLine | None) -> CommandLine | None:
    """Put a command line in force, in every thread; forked children inherit it. Gives the one before."""
    global _command_line
    before, _command_line = _command_line, line
    return before


@contextmanager
def command_line_values(
    values: Mapping[tuple[str, str], Any], root: tuple[str, Mapping[str, Any]] | None = None
) -> Iterator[CommandLine]:
    """Let values of the command line hold within a block, in every thread and in children forked there."""
    line = CommandLine(values, root)
    before = use_command_line(line)
    try:
        yield line
    finally:
        use_command_line(before)
