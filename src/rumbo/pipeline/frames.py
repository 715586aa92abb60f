"""Data frames in and out of targets: of pandas, polars or pyarrow; CSV, JSON Lines, Parquet or Feather by the suffix.

``.csv.gz``, ``.jsonl.zst`` and their like are compressed on the way, whatever the target's format says of text.
"""

from __future__ import annotations

import copy
import os
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from rumbo.errors import MissingExtraError, TargetError
from rumbo.pipeline import formats

if TYPE_CHECKING:
    from collections.abc import Callable

    from rumbo.pipeline.target import FileSystemTarget

#: Which is taken when nobody says: the first one that is installed.
LIBRARIES = ("pandas", "polars", "pyarrow")

_KINDS = {
    ".csv": "CSV",
    ".jsonl": "JSON Lines",
    ".ndjson": "JSON Lines",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".feather": "Feather",
    ".arrow": "Feather",
}
_COMPRESSION: dict[str, formats.Format] = {".gz": formats.Gzip, ".bz2": formats.Bzip2, ".zst": formats.Zstd}
_READ_FROM_THE_END = ("Parquet", "Feather")


class _Codec(NamedTuple):
    """How one library reads and writes one kind of file."""

    read: Callable[..., Any]
    write: Callable[..., Any]


def load(target: FileSystemTarget, library: str | None = None, **options: Any) -> Any:
    """The frame that is in a target.

    Args:
        target: its path's suffix says what kind of file it is.
        library: ``"pandas"``, ``"polars"`` or ``"pyarrow"``; by default the first of them that is installed.
        options: what the library's own reader takes.

    Raises:
        TargetError: no frame is in a file with that suffix.
        MissingExtraError: the library is not installed, or none is.
    """
    kind = _kind_of(target)
    codec = _codec(library or _installed(), kind)
    with _in_bytes(target).open("r") as source:
        seekable = source if kind not in _READ_FROM_THE_END or source.seekable() else _spooled(source)
        return codec.read(seekable, **options)


def dump(target: FileSystemTarget, frame: Any, **options: Any) -> None:
    """Let a frame be the content of a target, which appears when it is whole.

    Args:
        target: its path's suffix says what kind of file it becomes.
        frame: a frame of pandas or polars, or a table of pyarrow. The index of pandas is not written to text.
        options: what the library's own writer takes.

    Raises:
        TargetError: it is no frame, or no frame is in a file with that suffix.
    """
    codec = _codec(_library_of(frame), _kind_of(target))
    with _in_bytes(target).open("w") as out:
        codec.write(frame, out, **options)


def _kind_of(target: FileSystemTarget) -> str:
    path, suffix = os.path.splitext(target.path.split("::")[0].lower())
    if suffix in _COMPRESSION:
        suffix = os.path.splitext(path)[1]
    if suffix not in _KINDS:
        raise TargetError(
            f"{target.path} does not end like a file with a frame in it: name it {', '.join(_KINDS)}, "
            "with .gz, .bz2 or .zst behind that if you like, or read and write it through open()."
        )
    return _KINDS[suffix]


def _installed() -> str:
    from importlib.util import find_spec

    for library in LIBRARIES:
        if find_spec(library) is not None:
            return library
    raise MissingExtraError("Loading a frame", "frames")


def _library_of(frame: Any) -> str:
    library = type(frame).__module__.partition(".")[0]
    if library in LIBRARIES and type(frame).__name__ in ("DataFrame", "LazyFrame", "Table"):
        return library
    raise TargetError(
        f"A {type(frame).__module__}.{type(frame).__name__} is no frame: "
        "pass one of pandas or polars, or a table of pyarrow."
    )


def _codec(library: str, kind: str) -> _Codec:
    if library not in LIBRARIES:
        raise TargetError(f"No frames are known of a library {library!r}: it must be one of {', '.join(LIBRARIES)}.")
    try:
        return {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}[library](kind)
    except ImportError as error:
        raise MissingExtraError(f"{kind} by {library}", "frames") from error


def _in_bytes(target: FileSystemTarget) -> Any:
    """The same target, but what goes through it are bytes: its format without the text at the user's end."""
    layers = getattr(target, "format", None)
    if layers is None:
        raise TargetError(f"{type(target).__name__} has no format, so it is not known how to take bytes through it.")
    chain = layers.args if isinstance(layers, formats.ChainFormat) else (layers,)
    chain = chain[1:] if getattr(chain[0], "input", None) == "unicode" else chain
    if chain in ((), (formats.Nop,)):
        chain = (_COMPRESSION.get(os.path.splitext(target.path)[1].lower(), formats.Nop),)
    other: Any = copy.copy(target)
    other.format = formats.ChainFormat(*chain)
    return other


def _spooled(source: Any) -> IO[bytes]:
    """All of a stream, in a file without a name, where one can go back and forth."""
    import shutil
    import tempfile

    spool = tempfile.TemporaryFile()  # noqa: SIM115 (it vanishes with the last who knows it)
    shutil.copyfileobj(source, spool, 1 << 20)
    spool.seek(0)
    return spool


# The libraries, each with its four kinds -----------------------------------------------------------------------


def _pandas(kind: str) -> _Codec:
    import pandas as pd

    if kind in _READ_FROM_THE_END:
        import pyarrow  # noqa: F401 (what pandas reads and writes them with)

    def write_json(frame: Any, out: Any, **options: Any) -> None:
        frame.to_json(out, **{"orient": "records", "lines": True, "date_format": "iso", **options})

    return {
        "CSV": _Codec(pd.read_csv, lambda frame, out, **options: frame.to_csv(out, **{"index": False, **options})),
        "JSON Lines": _Codec(lambda source, **options: pd.read_json(source, lines=True, **options), write_json),
        "Parquet": _Codec(pd.read_parquet, lambda frame, out, **options: frame.to_parquet(out, **options)),
        "Feather": _Codec(pd.read_feather, lambda frame, out, **options: frame.to_feather(out, **options)),
    }[kind]


def _polars(kind: str) -> _Codec:
    import polars as pl

    def writing(method: str) -> Callable[..., None]:
        def write(frame: Any, out: Any, **options: Any) -> None:
            frame = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
            getattr(frame, method)(out, **options)

        return write

    return {
        "CSV": _Codec(pl.read_csv, writing("write_csv")),
        "JSON Lines": _Codec(pl.read_ndjson, writing("write_ndjson")),
        "Parquet": _Codec(pl.read_parquet, writing("write_parquet")),
        "Feather": _Codec(pl.read_ipc, writing("write_ipc")),
    }[kind]


def _pyarrow(kind: str) -> _Codec:
    if kind == "CSV":
        from pyarrow import csv

        return _Codec(csv.read_csv, csv.write_csv)
    if kind == "JSON Lines":
        from pyarrow import json

        return _Codec(json.read_json, _write_json_lines)
    if kind == "Parquet":
        from pyarrow import parquet

        return _Codec(parquet.read_table, parquet.write_table)
    from pyarrow import feather

    return _Codec(feather.read_table, feather.write_feather)


def _write_json_lines(table: Any, out: Any) -> None:
    """What pyarrow has no writer for."""
    import json

    for batch in table.to_batches():
        for row in batch.to_pylist():
            out.write(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
