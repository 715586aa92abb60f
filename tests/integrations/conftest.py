"""The servers that the tests here talk to, each started when first asked for, and the configuration of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integrations.data_services import (
    bigquery,
    docker_engine,
    kubernetes_api,
    mariadb,
    mongo,
    moto,
    opensearch,
    postgres,
    redis_server,
    spark_master,
)
from rumbo.pipeline.config import Configuration, use

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "bigquery",
    "docker_engine",
    "kubernetes_api",
    "mariadb",
    "mongo",
    "moto",
    "opensearch",
    "postgres",
    "redis_server",
    "spark_master",
]


@pytest.fixture
def configuration() -> Iterator[Configuration]:
    """What is configured for this test: nothing, until the test sets something."""
    configuration = Configuration()
    before = use(configuration)
    yield configuration
    use(before)
