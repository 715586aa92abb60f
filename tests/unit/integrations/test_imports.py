"""Integrations can be imported without the libraries that they use, and import nothing of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = {
    "s3": "rumbo.integrations.s3 luigi.contrib.s3",
    "ssh": "rumbo.integrations.ssh luigi.contrib.ssh",
    "ftp": "rumbo.integrations.ftp luigi.contrib.ftp",
    "hdfs": "rumbo.integrations.hdfs luigi.contrib.hdfs luigi.contrib.webhdfs",
    "gcs": "rumbo.integrations.gcs luigi.contrib.gcs",
    "azure": "rumbo.integrations.azure luigi.contrib.azureblob",
    "files": "rumbo.integrations.files rumbo.pipeline.frames",
}
LIBRARIES = "boto3 botocore s3fs fsspec gcsfs adlfs hdfs requests paramiko google azure aiohttp pandas polars pyarrow"


@pytest.mark.parametrize("system", MODULES)
def test_a_system_is_imported_without_its_library(system: str) -> None:
    program = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in LIBRARIES.split())
    program += "".join(f"import {module}\n" for module in MODULES[system].split())
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
