"""What loads into databases have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import luigi
from luigi.task import MixinNaiveBulkComplete
from rumbo.integrations.rdbms import CopyWork, MetadataColumns, QueryWork, logger

__all__ = ["CopyToTable", "Query", "logger"]

_MetadataColumnsMixin = MetadataColumns


class CopyToTable(CopyWork, MixinNaiveBulkComplete, luigi.Task):
    """A task that fills a table."""


class Query(QueryWork, MixinNaiveBulkComplete, luigi.Task):
    """A task that runs a statement."""

    @abstractmethod
    def run(self) -> Any:
        """Run it."""
