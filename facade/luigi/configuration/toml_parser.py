"""Files in TOML, where values keep their types."""

from rumbo.pipeline.config_files import BaseParser, LuigiTomlParser

__all__ = ["BaseParser", "LuigiTomlParser"]
