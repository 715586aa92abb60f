"""Tables of MySQL and MariaDB."""

from __future__ import annotations

from luigi.contrib import rdbms
from rumbo.integrations.mysql import MySqlCopyWork, MySqlTarget, logger

__all__ = ["CopyToTable", "MySqlTarget", "logger"]


class CopyToTable(MySqlCopyWork, rdbms.CopyToTable):
    """A task that fills a table of MySQL."""
