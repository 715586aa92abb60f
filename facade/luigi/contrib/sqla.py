"""Tables of any database that SQLAlchemy knows."""

from __future__ import annotations

import luigi
from rumbo.integrations.sql import CopyWork, SQLAlchemyTarget

__all__ = ["CopyToTable", "SQLAlchemyTarget"]


class CopyToTable(CopyWork, luigi.Task):
    """A task that fills a table with what `rows` gives: all of it together with its marker, or nothing."""
