"""What an integration is told in confidence is in nothing that it shows, logs or raises."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from rumbo.integrations.azure import AzureBlobClient, AzureBlobTarget
from rumbo.integrations.elasticsearch import ElasticsearchTarget
from rumbo.integrations.ftp import RemoteTarget
from rumbo.integrations.mysql import MySqlTarget
from rumbo.integrations.postgres import PostgresTarget
from rumbo.integrations.redis_store import RedisTarget
from rumbo.integrations.redshift import RedshiftTarget
from rumbo.integrations.s3 import S3Target
from rumbo.integrations.s3_client import S3Client
from rumbo.integrations.sql import SQLAlchemyTarget
from server_process import unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "bnVsbCBhbmQgdm9pZA"


def _azure(port: int) -> AzureBlobTarget:
    place = {"protocol": "http", "custom_domain": f"127.0.0.1:{port}", "retry_total": 0}
    return AzureBlobTarget("lake", "a", AzureBlobClient("ana", f"{SECRET}==", **place))


def _s3(port: int) -> S3Target:
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    place = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1", "config": once}
    return S3Target("s3://lake/a", client=S3Client("key", SECRET, **place))


TARGETS: dict[str, Callable[[int], Any]] = {
    "S3Target": _s3,
    "AzureBlobTarget": _azure,
    "RemoteTarget": lambda port: RemoteTarget("/a", "127.0.0.1", username="ana", password=SECRET, port=port),
    "RemoteTarget by SFTP": lambda port: RemoteTarget(
        "/a", "127.0.0.1", username="ana", password=SECRET, port=port, sftp=True
    ),
    "ftp://": lambda port: rumbo.Target(f"ftp://ana:{SECRET}@127.0.0.1:{port}/a"),
    "sftp://": lambda port: rumbo.Target(f"sftp://ana:{SECRET}@127.0.0.1:{port}/a"),
    "https://": lambda port: rumbo.Target(f"https://ana:{SECRET}@127.0.0.1:{port}/a"),
    "webhdfs://": lambda port: rumbo.Target(f"webhdfs://127.0.0.1:{port}/a", user="ana", password=SECRET),
    "SQLAlchemyTarget": lambda port: SQLAlchemyTarget(f"postgresql://ana:{SECRET}@127.0.0.1:{port}/d", "t", "id"),
    "PostgresTarget": lambda port: PostgresTarget(f"127.0.0.1:{port}", "d", "ana", SECRET, "t", "id"),
    "RedshiftTarget": lambda port: RedshiftTarget(f"127.0.0.1:{port}", "d", "ana", SECRET, "t", "id"),
    "MySqlTarget": lambda port: MySqlTarget(f"127.0.0.1:{port}", "d", "ana", SECRET, "t", "id"),
    "RedisTarget": lambda port: RedisTarget("127.0.0.1", port, 0, "id", SECRET),
    "ElasticsearchTarget": lambda port: ElasticsearchTarget(
        "127.0.0.1", port, "i", "t", "id", http_auth=("ana", SECRET), extra_elasticsearch_args={"max_retries": 0}
    ),
}
"""Targets at a server that is not there."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_secret_is_neither_shown_nor_logged_nor_raised(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("files", "ftp", "reaching"):
        pauses = "PAUSES" if module == "reaching" else "_PAUSES"
        monkeypatch.setattr(f"rumbo.integrations.{module}.{pauses}", (0.0,))
    caplog.set_level(logging.DEBUG)
    target = TARGETS[name](unused_port())
    with pytest.raises(Exception) as raised:
        target.exists()
    told = "".join(traceback.format_exception(raised.value))
    shown = [str(target), repr(target), repr(getattr(target, "fs", None)), told, caplog.text]
    assert [text for text in shown if SECRET in text] == []
