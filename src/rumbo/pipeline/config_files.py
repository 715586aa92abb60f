"""Readers of files of settings: Luigi's INI dialect, Luigi's TOML, and plain TOML."""

from __future__ import annotations

import logging
import os
import re
import warnings
from configparser import (
    BasicInterpolation,
    ConfigParser,
    Error,
    Interpolation,
    InterpolationError,
    NoOptionError,
    NoSectionError,
)
from typing import Any, ClassVar

from rumbo.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file as dictionaries.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.
    """
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error


class InterpolationMissingEnvvarError(ConfigurationError, InterpolationError):
    """A value names an environment variable that is not set."""

    def __init__(self, option: str, section: str, value: str, envvar: str) -> None:
        message = (
            f"[{section}] {option} = {value}: the environment variable {envvar} is not set. "
            "Set it, or write the value itself."
        )
        InterpolationError.__init__(self, option, section, message)


class EnvironmentInterpolation(Interpolation):
    """Puts environment variables in the place of ``${NAME}``."""

    _ENVRE = re.compile(r"\$\{([^}]+)\}")

    def before_get(self, parser: Any, section: str, option: str, value: str, defaults: Any) -> str:
        """The value with all variables filled in."""

        def fill_in(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in os.environ:
                raise InterpolationMissingEnvvarError(option, section, value, name)
            return os.environ[name]

        return self._ENVRE.sub(fill_in, value) if isinstance(value, str) else value


class CombinedInterpolation(Interpolation):
    """Several interpolations, one after the other."""

    def __init__(self, interpolations: Iterable[Interpolation]) -> None:
        self._interpolations = list(interpolations)

    def before_get(self, parser: Any, section: str, option: str, value: str, defaults: Any) -> str:
        """The value after all of them."""
        for interpolation in self._interpolations:
            value = interpolation.before_get(parser, section, option, value, defaults)
        return value

    def before_read(self, parser: Any, section: str, option: str, value: str) -> str:
        """The value as it is kept."""
        for interpolation in self._interpolations:
            value = interpolation.before_read(parser, section, option, value)
        return value

    def before_set(self, parser: Any, section: str, option: str, value: str) -> str:
        """The value as it is kept when a program sets it."""
        for interpolation in self._interpolations:
            value = interpolation.before_set(parser, section, option, value)
        return value

    def before_write(self, parser: Any, section: str, option: str, value: str) -> str:
        """The value as it is written to a file."""
        for interpolation in self._interpolations:
            value = interpolation.before_write(parser, section, option, value)
        return value


class BaseParser:
    """One shared parser a class, filled from that class's list of files."""

    _instance: ClassVar[Any] = None
    _config_paths: ClassVar[list[str]] = []

    @classmethod
    def instance(cls, *args: Any, **kwargs: Any) -> Any:
        """The shared parser, filled when first asked for."""
        if cls._instance is None:
            cls._instance = cls(*args, **kwargs)
            loaded = cls.reload()
            logging.getLogger("luigi-interface").info("Loaded %r", loaded)
        return cls._instance

    @classmethod
    def add_config_path(cls, path: str) -> None:
        """Add a file to the list and read all again."""
        cls._config_paths.append(path)
        cls.reload()

    @classmethod
    def reload(cls) -> Any:
        """Read all files of the list again into the shared parser."""
        return cls.instance().read(cls._config_paths)


class LuigiConfigParser(BaseParser, ConfigParser):
    """INI files as Luigi reads them: options keep their case, ``${NAME}`` and ``%(x)s`` are filled in."""

    NO_DEFAULT: ClassVar[object] = object()
    enabled = True
    optionxform = str  # type: ignore[assignment]
    _instance: ClassVar[Any] = None
    _config_paths: ClassVar[list[str]] = [
        "/etc/luigi/client.cfg",
        "/etc/luigi/luigi.cfg",
        "client.cfg",
        "luigi.cfg",
    ]
    _DEFAULT_INTERPOLATION = CombinedInterpolation([BasicInterpolation(), EnvironmentInterpolation()])

    @classmethod
    def reload(cls) -> Any:
        """Read all files of the list again; files called ``client.cfg`` are deprecated."""
        old = [path for path in cls._config_paths if os.path.basename(path) == "client.cfg" and os.path.exists(path)]
        if old:
            warnings.warn(
                f"Configuration files named client.cfg are deprecated, rename them to luigi.cfg: {old!r}",
                DeprecationWarning,
                stacklevel=2,
            )
        return cls.instance().read(cls._config_paths)

    def read(self, filenames: Any, encoding: str | None = None) -> Any:
        """Read files that exist, later ones stronger; gives the list of those read.

        Raises:
            ConfigurationError: one of them is not a valid INI file.
        """
        try:
            loaded = super().read(filenames, encoding)
        except (Error, UnicodeDecodeError) as error:
            raise ConfigurationError(f"A configuration file cannot be understood: {error}") from error
        self._files_read = [*getattr(self, "_files_read", ()), *loaded]
        return loaded

    def file_of(self, section: str, option: str) -> str | None:
        """The file that says this, for messages: the last one with it; None when a program set it."""
        for path in reversed(getattr(self, "_files_read", ())):
            reader = LuigiConfigParser(interpolation=None, strict=False)
            if not os.path.isfile(path):
                continue
            ConfigParser.read(reader, path)
            for spelling in (option, option.replace("_", "-")):
                if ConfigParser.has_option(reader, section, spelling):
                    return str(os.path.normpath(path))
        return None

    def _get_with_default(
        self,
        method: Any,
        section: str,
        option: str,
        default: Any,
        expected_type: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The value by ``method``, also under its old spelling with dashes; else the default if its type fits."""
        underscored = option.replace("-", "_")
        dashed = underscored.replace("_", "-")
        try:
            try:
                return method(self, section, underscored, **kwargs)
            except (NoOptionError, NoSectionError):
                value = method(self, section, dashed, **kwargs)
                self._warn_of_dashes(section, dashed, underscored)
                return value
        except (NoOptionError, NoSectionError):
            if default is LuigiConfigParser.NO_DEFAULT:
                raise
            if expected_type is not None and default is not None and not isinstance(default, expected_type):
                raise
            return default

    def _warn_of_dashes(self, section: str, dashed: str, underscored: str) -> None:
        warnings.warn(
            f"Configuration [{section}] {dashed} (with dashes) should be avoided. "
            f"Please use underscores: {underscored}.",
            DeprecationWarning,
            stacklevel=4,
        )

    def has_option(self, section: str, option: str) -> bool:
        """Whether there is a value, also under its old spelling with dashes."""
        underscored = option.replace("-", "_")
        if ConfigParser.has_option(self, section, underscored):
            return True
        dashed = underscored.replace("_", "-")
        if ConfigParser.has_option(self, section, dashed):
            self._warn_of_dashes(section, dashed, underscored)
            return True
        return False

    def get(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:  # type: ignore[override]
        """The value as text."""
        return self._get_with_default(ConfigParser.get, section, option, default, **kwargs)

    def getboolean(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """The value as true or false."""
        return self._get_with_default(ConfigParser.getboolean, section, option, default, bool, **kwargs)

    def getint(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """The value as a whole number."""
        return self._get_with_default(ConfigParser.getint, section, option, default, int, **kwargs)

    def getfloat(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """The value as a number."""
        return self._get_with_default(ConfigParser.getfloat, section, option, default, float, **kwargs)

    def getintdict(self, section: str) -> dict[str, int]:
        """A section's own options, without those of ``[DEFAULT]``, as whole numbers."""
        try:
            defaults = self.defaults()
            return {name: int(value) for name, value in self.items(section) if name not in defaults}
        except NoSectionError:
            return {}

    def set(self, section: str, option: str, value: Any = None) -> None:
        """Set a value; the section is made when it is missing."""
        if not ConfigParser.has_section(self, section) and section != self.default_section:
            ConfigParser.add_section(self, section)
        ConfigParser.set(self, section, option, value)


class LuigiTomlParser(BaseParser, ConfigParser):
    """TOML files as Luigi reads them: sections of values of any type, merged key by key."""

    NO_DEFAULT: ClassVar[object] = object()
    enabled = True
    data: dict[str, Any] = {}
    _instance: ClassVar[Any] = None
    _config_paths: ClassVar[list[str]] = ["/etc/luigi/luigi.toml", "luigi.toml"]

    @staticmethod
    def _update_data(data: dict[str, Any], new_data: dict[str, Any]) -> dict[str, Any]:
        if not new_data:
            return data
        if not data:
            return new_data
        for section, content in new_data.items():
            data.setdefault(section, {}).update(content)
        return data

    def read(self, config_paths: Any, encoding: str | None = None) -> Any:
        """Read files that exist, later ones stronger; gives all sections."""
        self.data = {}
        for path in [config_paths] if isinstance(config_paths, (str, os.PathLike)) else config_paths:
            if os.path.isfile(path):
                self.data = self._update_data(self.data, read_toml(os.fspath(path)))
        for content in self.data.values():
            if isinstance(content, dict):
                content.update({key: _frozen(value) for key, value in content.items() if isinstance(value, dict)})
        return self.data

    def get(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:  # type: ignore[override]
        """The value, of whatever type the file gives it."""
        try:
            return self.data[section][option]
        except KeyError:
            if default is LuigiTomlParser.NO_DEFAULT:
                raise
            return default

    def getboolean(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """The value; TOML knows its type."""
        return self.get(section, option, default)

    def getint(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """The value; TOML knows its type."""
        return self.get(section, option, default)

    def getfloat(self, section: str, option: str, default: Any = NO_DEFAULT, **kwargs: Any) -> Any:
        """The value; TOML knows its type."""
        return self.get(section, option, default)

    def getintdict(self, section: str) -> dict[str, int]:
        """A whole section."""
        found: dict[str, int] = self.data.get(section, {})
        return found

    def set(self, section: str, option: str, value: Any = None) -> None:
        """Set a value; the section is made when it is missing."""
        self.data.setdefault(section, {})[option] = value

    def has_option(self, section: str, option: str) -> bool:
        """Whether there is a value."""
        return option in self.data.get(section, {})

    def sections(self) -> list[str]:
        """The names of all sections."""
        return list(self.data)

    def has_section(self, section: str) -> bool:
        """Whether there is such a section."""
        return section in self.data

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


def _frozen(value: Any) -> Any:
    from rumbo.pipeline.freezing import recursively_freeze

    return recursively_freeze(value)
