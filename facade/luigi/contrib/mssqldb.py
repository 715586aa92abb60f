"""Markers in Microsoft SQL Server."""

from rumbo.integrations.mssql import MSSqlTarget
from rumbo.integrations.rdbms import logger

__all__ = ["MSSqlTarget", "logger"]
