"""Loads into an index of Elasticsearch or OpenSearch."""

from __future__ import annotations

import luigi
from rumbo.integrations.elasticsearch import ElasticsearchTarget, IndexWork, logger

__all__ = ["CopyToIndex", "ElasticsearchTarget", "logger"]


class CopyToIndex(IndexWork, luigi.Task):
    """A task that fills an index with the documents that `docs` gives."""
