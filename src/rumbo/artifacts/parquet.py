"""A program that writes the first rows of the Parquet file at its standard input as JSON: `parquet ROWS COLUMNS`."""

from __future__ import annotations

import json
import os
import resource
import sys

_SECONDS = 10
_MEMORY = 4 << 30


def main() -> None:
    """Read and write, with little time and memory."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    from pyarrow import parquet

    most, widest = map(int, sys.argv[1:])
    with os.fdopen(0, "rb") as source:
        file = parquet.ParquetFile(source, memory_map=False, pre_buffer=False)
        names = [field.name for field in file.schema_arrow][:widest]
        batch = next(file.iter_batches(batch_size=most, columns=names, use_threads=False), None)
        rows = [] if batch is None else [[row[name] for name in names] for row in batch.to_pylist()]
        json.dump({"columns": names, "rows": rows, "total": file.metadata.num_rows}, sys.stdout, default=str)


if __name__ == "__main__":
    main()
