"""Which parser is in force, and how files are added to it.

Tasks take their values from the parser that is in force at that moment, so a program may replace it; Rumbo's own files
(``rumbo.toml``, ``pyproject.toml``) go before it.
"""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from luigi.configuration.cfg_parser import LuigiConfigParser
from luigi.configuration.toml_parser import LuigiTomlParser
from rumbo.pipeline.config import follow_parser

logger = logging.getLogger("luigi-interface")

PARSERS: dict[str, Any] = {
    "cfg": LuigiConfigParser,
    "conf": LuigiConfigParser,
    "ini": LuigiConfigParser,
    "toml": LuigiTomlParser,
}
DEFAULT_PARSER = "cfg"


def _get_default_parser() -> str:
    parser = os.environ.get("LUIGI_CONFIG_PARSER", DEFAULT_PARSER)
    if parser in PARSERS:
        return parser
    warnings.warn(
        f"LUIGI_CONFIG_PARSER is {parser!r}, but must be one of {', '.join(PARSERS)}; {DEFAULT_PARSER!r} is used.",
        stacklevel=3,
    )
    return DEFAULT_PARSER


def _check_parser(parser_class: Any, parser: str) -> None:
    if not parser_class.enabled:
        raise ImportError(f"The parser {parser!r} needs a library: pip install 'rumbo[{parser}]'")


def get_config(parser: str | None = None) -> Any:
    """The shared parser: the one that LUIGI_CONFIG_PARSER names, or the one named here."""
    parser = parser or _get_default_parser()
    parser_class = PARSERS[parser]
    _check_parser(parser_class, parser)
    return parser_class.instance()


def add_config_path(path: str) -> bool:
    """Read a file too, stronger than those before it; its extension says which parser reads it."""
    if not os.path.isfile(path):
        warnings.warn(f"Config file does not exist: {path}", stacklevel=2)
        return False
    in_force = _get_default_parser()
    extension = os.path.splitext(path)[1][1:]
    parser = extension if extension in PARSERS else in_force
    parser_class = PARSERS[parser]
    _check_parser(parser_class, parser)
    if parser != in_force:
        warnings.warn(
            f"Config for {parser} parser added, but used {in_force} parser, so tasks do not see it. "
            f"To use it: export LUIGI_CONFIG_PARSER={parser}",
            stacklevel=2,
        )
    parser_class.add_config_path(path)
    return True


if "LUIGI_CONFIG_PATH" in os.environ:
    add_config_path(os.environ["LUIGI_CONFIG_PATH"])

# get_config is looked up at each call, since programs replace it.
follow_parser(lambda: get_config())
