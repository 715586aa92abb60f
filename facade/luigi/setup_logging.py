"""Logging, set up once a process: by a file, by a section of the configuration, or as Luigi does it by itself."""

from __future__ import annotations

import logging
import logging.config
import os
from configparser import NoSectionError
from types import SimpleNamespace
from typing import Any

from luigi.configuration import LuigiConfigParser, get_config
from luigi.freezing import recursively_unfreeze

_NO_OPTIONS = SimpleNamespace(background=None, logdir=None, logging_conf_file=None, log_level="DEBUG")


class BaseLogging:
    """The order in which the ways to set up logging are tried."""

    config: Any = get_config()
    _configured = False

    @classmethod
    def setup(cls, opts: Any = _NO_OPTIONS) -> bool:
        """Set up logging, unless that was done before or the configuration forbids it; gives whether it was done."""
        logger = logging.getLogger("luigi")
        if cls._configured:
            logger.info("logging already configured")
            return False
        cls._configured = True
        if cls.config.getboolean("core", "no_configure_logging", False):
            logger.info("logging disabled in settings")
            return False
        ways = [
            (cls._cli, "logging configured via special settings"),
            (cls._conf, "logging configured via *.conf file"),
            (cls._section, "logging configured via config section"),
            (cls._default, "logging configured by default settings"),
        ]
        for way, message in ways:
            if way(opts):
                logging.getLogger("luigi").info(message)
                return True
        return False

    @classmethod
    def _cli(cls, opts: Any) -> bool:
        """By what the command line says."""
        return False

    @classmethod
    def _conf(cls, opts: Any) -> bool:
        """By a file in logging's own format."""
        return False

    @classmethod
    def _section(cls, opts: Any) -> bool:
        """By the section ``[logging]``, which only TOML can have."""
        if isinstance(cls.config, LuigiConfigParser):
            return False
        try:
            wanted = cls.config["logging"]
        except (TypeError, KeyError, NoSectionError):
            return False
        logging.config.dictConfig(recursively_unfreeze(wanted))
        return True

    @classmethod
    def _default(cls, opts: Any) -> bool:
        """When nobody says anything."""
        return False


def _load(path: str, keep_loggers: bool) -> None:
    if not os.path.exists(path):
        raise OSError(
            "Error: Unable to locate specified logging configuration file! "
            f"The setting logging_conf_file says {path!r}."
        )
    logging.config.fileConfig(path, disable_existing_loggers=not keep_loggers)


class DaemonLogging(BaseLogging):
    """Logging of the server."""

    _configured = False
    _log_format = "%(asctime)s %(name)s[%(process)s] %(levelname)s: %(message)s"

    @classmethod
    def _cli(cls, opts: Any) -> bool:
        if opts.background:
            logging.getLogger().setLevel(logging.INFO)
            return True
        if opts.logdir:
            path = os.path.join(opts.logdir, "luigi-server.log")
            logging.basicConfig(level=logging.INFO, format=cls._log_format, filename=path)
            return True
        return False

    @classmethod
    def _conf(cls, opts: Any) -> bool:
        path = cls.config.get("core", "logging_conf_file", None)
        if path is None:
            return False
        _load(path, keep_loggers=False)
        return True

    @classmethod
    def _default(cls, opts: Any) -> bool:
        logging.basicConfig(level=logging.INFO, format=cls._log_format)
        return True


class InterfaceLogging(BaseLogging):
    """Logging of programs that run tasks."""

    _configured = False

    @classmethod
    def _conf(cls, opts: Any) -> bool:
        if not opts.logging_conf_file:
            return False
        _load(opts.logging_conf_file, keep_loggers=True)
        return True

    @classmethod
    def _default(cls, opts: Any) -> bool:
        level = getattr(logging, opts.log_level, logging.DEBUG)
        logger = logging.getLogger("luigi-interface")
        logger.setLevel(level)
        handler = logging.StreamHandler()
        handler.setLevel(level)
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        logger.addHandler(handler)
        return True
