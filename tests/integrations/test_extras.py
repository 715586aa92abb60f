"""Every integration can be imported without the library it uses, and names the extra that brings it when it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rumbo.errors import MissingExtraError

ROOT = Path(__file__).parents[2]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
WITH_RUMBO = {"msgspec", "prometheus_client", "psutil", "sqlalchemy", "urllib3"}
"""Libraries that every installation has, as far as integrations use them."""
OURS = {"luigi", "rumbo"}
BY_NAME = {"dask", "duckdb", "elasticsearch", "gcsfs", "opensearchpy", "psycopg", "psycopg2", "pymysql"}
"""Libraries that are looked for by names which are not in the code as such, or that other libraries need."""

Use = Callable[[Any], Any]

USES: dict[str, tuple[str, list[Use]]] = {
    "rumbo.integrations.aws": ("aws", [lambda aws: aws.BatchClient()]),
    "rumbo.integrations.azure": (
        "azure",
        [
            lambda azure: azure.AzureBlobTarget("lake", "a").exists(),
            lambda azure: azure.AzureBlobTarget("lake", "a").modified(),
            lambda azure: azure.AzureBlobTarget("lake", "a").remove(),
            lambda azure: azure.AzureBlobTarget("lake", "a").open("r"),
            lambda azure: azure.AzureBlobTarget("lake", "a").write_text("a"),
        ],
    ),
    "rumbo.integrations.bigquery": (
        "bigquery",
        [
            lambda bq: bq.BigQueryTarget("p", "d", "t").exists(),
            lambda bq: bq.BigQueryClient().make_dataset(bq.BQDataset("p", "d", None)),
            lambda bq: bq.BigQueryClient().update_view(bq.BQTable("p", "d", "v", None), "select 1"),
            lambda bq: bq.BigQueryClient().run_job("p", {"configuration": {}}),
        ],
    ),
    "rumbo.integrations.docker": ("docker", [lambda docker: docker.DockerTask().run()]),
    "rumbo.integrations.elasticsearch": ("elasticsearch", [lambda es: es.connect("here", 9200, None, 1, {})]),
    "rumbo.integrations.files": ("files", [lambda files: files.target_at("dask://a").exists()]),
    "rumbo.integrations.ftp_sessions": ("sftp", [lambda ftp: ftp.SftpSession("here", 22, None, None, 1, {})]),
    "rumbo.integrations.gcs": ("gcs", [lambda gcs: gcs.GCSTarget("gs://lake/a", client=gcs.GCSClient()).exists()]),
    "rumbo.integrations.hdfs_clients": ("hdfs", [lambda hdfs: hdfs.WebHdfsClient("here", 9870).exists("/a")]),
    "rumbo.integrations.kubernetes": ("kubernetes", [lambda k: k._Cluster("kubeconfig", "none", None)]),
    "rumbo.integrations.mssql": ("mssql", [lambda ms: ms.MSSqlTarget("h", "d", "u", "p", "t", "id").exists()]),
    "rumbo.integrations.mysql": ("mysql", [lambda my: my.MySqlTarget("h", "d", "u", "p", "t", "id").exists()]),
    "rumbo.integrations.postgres": ("postgres", [lambda pg: pg.PostgresTarget("h", "d", "u", "p", "t", "id").exists()]),
    "rumbo.integrations.redis_store": ("redis", [lambda redis: redis.RedisTarget("h", 1, 0, "id").exists()]),
    "rumbo.integrations.s3": (
        "s3",
        [
            lambda s3: s3.S3Target("s3://lake/a").exists(),
            lambda s3: s3.S3Target("s3://lake/a").open("r"),
            lambda s3: s3.S3Target("s3://lake/a").write_text("a"),
            lambda s3: s3.S3Target("s3://lake/a").copy("s3://lake/b"),
        ],
    ),
    "rumbo.integrations.s3_client": ("s3", [lambda s3: s3.S3Client().exists("s3://lake/a")]),
    "rumbo.integrations.sql": ("postgres", [lambda sql: sql.SQLAlchemyTarget("postgresql://h/d", "t", "id").exists()]),
    "luigi.contrib.bigquery_avro": ("avro", [lambda bq: bq.BigQueryLoadAvro()._get_input_schema()]),
    "luigi.contrib.datadog_metric": ("datadog", [lambda datadog: datadog.DatadogMetricsCollector()]),
    "luigi.contrib.dataproc": ("dataproc", [lambda dataproc: dataproc.get_dataproc_client()]),
    "luigi.contrib.dropbox": ("dropbox", [lambda dropbox: dropbox.DropboxClient("token").exists("/a")]),
    "luigi.contrib.gcp": ("dataproc", [lambda gcp: gcp.get_authenticate_kwargs()]),
    "luigi.contrib.presto": ("presto", [lambda presto: presto._library()]),
}
"""The extra of a module, and what needs its library."""

FOR_FSSPEC = {"rumbo.integrations.ftp_of_fsspec", "rumbo.integrations.hdfs_of_fsspec"}
"""They add to classes of fsspec, so that these must be there."""

WITHOUT_EXTRA = {
    "rumbo.integrations.hive": "the metastore's bindings come in no package",
    "rumbo.integrations.mongodb": "a client of the library is an argument, so it is there",
    "rumbo.integrations.pyspark_runner": "it is run by Spark",
    "luigi.contrib.sparkey": "the library comes in no package that can be installed everywhere",
}


def modules() -> dict[str, Path]:
    """All integrations, by their names."""
    homes = {"rumbo.integrations": ROOT / "src/rumbo/integrations", "luigi.contrib": ROOT / "facade/luigi/contrib"}
    return {
        ".".join([package, *path.relative_to(home).with_suffix("").parts]).removesuffix(".__init__"): path
        for package, home in homes.items()
        for path in sorted(home.rglob("*.py"))
    }


def libraries_of(path: Path) -> set[str]:
    """The libraries of others that a module imports somewhere, but for those that every installation has."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - WITH_RUMBO - OURS


LIBRARIES = {name: libraries_of(path) for name, path in modules().items()}


def test_each_module_that_uses_a_library_is_told_of_here() -> None:
    using = {name for name, libraries in LIBRARIES.items() if libraries}
    assert using <= {*USES, *FOR_FSSPEC, *WITHOUT_EXTRA}


def test_modules_can_be_imported_without_any_of_the_libraries() -> None:
    names = sorted(set(modules()) - FOR_FSSPEC)
    blocked = sorted(set.union(BY_NAME, *LIBRARIES.values()))
    program = (
        f"import sys\nsys.modules.update(dict.fromkeys({blocked!r}))\n"
        f"from importlib import import_module\nfor name in {names!r}: import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", USES)
def test_a_library_that_is_missing_is_told_by_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extra, uses = USES[name]
    module = import_module(name)
    for library in LIBRARIES[name] | BY_NAME:
        for known in [known for known in sys.modules if known == library or known.startswith(f"{library}.")]:
            monkeypatch.delitem(sys.modules, known)
        monkeypatch.setitem(sys.modules, library, None)
    for use in uses:
        with pytest.raises(MissingExtraError) as raised:
            use(module)
        assert raised.value.extra == extra
        assert str(raised.value).endswith(f" needs a library that is not installed: pip install 'rumbo[{extra}]'")
    assert EXTRAS[extra]


def test_an_extra_that_an_error_names_can_be_installed() -> None:
    named = set()
    for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("facade/**/*.py")]:
        found = re.findall(r"""MissingExtraError\([^()]*(?:\([^()]*\)[^()]*)*?,\s*"([a-z-]+)"\)""", path.read_text())
        named.update(found)
    from rumbo.integrations.files import _EXTRAS as OF_ADDRESSES
    from rumbo.integrations.sql import _EXTRAS as OF_DATABASES

    named |= {*OF_DATABASES.values(), *(extra.name for extra in OF_ADDRESSES.values())}
    assert {"postgres", "docker", "redis", "dataproc", "aws", "hdfs"} <= named
    assert named <= set(EXTRAS)
