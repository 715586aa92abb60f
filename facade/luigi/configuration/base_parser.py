"""What the parsers have in common."""

from rumbo.pipeline.config_files import BaseParser

__all__ = ["BaseParser"]
