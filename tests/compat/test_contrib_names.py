"""Luigi's contrib modules are here with its names and arguments, and import without the libraries they use.

`contrib_names.json` holds what Luigi 3.8.1 defines in each module: functions with their arguments, classes with their
attributes, and methods with their arguments.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LUIGI: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("contrib_names.json").read_text())

MODULES = [
    "azureblob", "batch", "beam_dataflow", "bigquery", "bigquery_avro", "datadog_metric", "dataproc", "docker_runner",
    "dropbox", "ecs", "esindex", "external_daily_snapshot", "external_program", "ftp", "gcp", "gcs", "hadoop",
    "hadoop_jar", "hdfs", "hdfs.abstract_client", "hdfs.clients", "hdfs.config", "hdfs.error", "hdfs.format",
    "hdfs.hadoopcli_clients", "hdfs.target", "hdfs.webhdfs_client", "hive", "kubernetes", "lsf", "lsf_runner",
    "mongodb", "mssqldb", "mysqldb", "opener", "pai", "pig", "postgres", "presto", "prometheus_metric",
    "pyspark_runner", "rdbms", "redis_store", "redshift", "s3", "salesforce", "scalding", "sge", "sge_runner",
    "simulate", "spark", "sparkey", "sqla", "ssh", "target", "webhdfs",
]  # fmt: skip

LIBRARIES = [
    "avro", "azure", "boto3", "botocore", "datadog", "docker", "dropbox", "duckdb", "elasticsearch", "google",
    "googleapiclient", "hdfs", "httplib2", "kubernetes", "mysql", "opensearchpy", "pg8000", "psycopg", "psycopg2",
    "pyhive", "pymongo", "pymssql", "pymysql", "pyspark", "redis", "requests", "sparkey", "thrift",
]  # fmt: skip

WITHOUT = {
    ("dropbox", "accept_trailing_slash", ""),  # its own decorators: slashes are seen to in one place
    ("dropbox", "accept_trailing_slash_in_existing_dirpaths", ""),
    ("salesforce", "QuerySalesforce", "merge_batch_results"),  # parts are joined as they are written
    ("sqla", "SQLAlchemyTarget", "Connection"),  # the record behind its shared engines
    ("beam_dataflow", "BeamDataflowJobTask", "__init__"),  # a task's constructor takes its parameters
    ("docker_runner", "DockerTask", "__init__"),
}
"""What Luigi has and we have not, and why."""


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_luigis_names(module: str) -> None:
    ours = importlib.import_module(f"luigi.contrib.{module}")
    missing = []
    for name, content in LUIGI[module].items():
        if (module, name, "") in WITHOUT:
            continue
        if not hasattr(ours, name):
            missing.append(name)
            continue
        own = getattr(ours, name)
        if isinstance(content, list):
            missing += [f"{name}({argument})" for argument in content if not takes(own, argument)]
            continue
        for member, arguments in content.items():
            if (module, name, member) in WITHOUT:
                continue
            if member not in dir(own) and member not in getattr(own, "__annotations__", {}):
                missing.append(f"{name}.{member}")
            elif arguments:
                method = inspect.getattr_static(own, member) if member != "__init__" else own.__init__
                method = getattr(method, "__func__", method)
                missing += [f"{name}.{member}({argument})" for argument in arguments if not takes(method, argument)]
    assert missing == []


def takes(function: Any, argument: str) -> bool:
    """Whether a function can be called with an argument of this name."""
    if isinstance(function, property) or not callable(function):
        return True  # what Luigi asks by a call without arguments is an attribute here
    parameters = inspect.signature(function).parameters
    return argument in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def test_all_modules_import_without_the_libraries_they_use() -> None:
    program = (
        f"import sys\nfor name in {LIBRARIES!r}:\n    sys.modules[name] = None\nimport importlib\n"
        f"for name in {MODULES!r}:\n    importlib.import_module('luigi.contrib.' + name)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
