"""A look into a file: the beginning of a text, the first rows of a table, a picture.

No more is read than that takes. What a file is, its name suggests and its content decides; what cannot be understood as
that is shown as text, and what is no text is not shown.
"""

from __future__ import annotations

import bz2
import csv
import json
import os
import zlib
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rumbo.artifacts.sight import OutOfSight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Kind = Literal["text", "table", "image"]

READ = 64 << 10
"""Bytes of a file, and of what is packed in it, that are looked at."""
ROWS = 50
COLUMNS = 50
CELL = 200
"""Characters of one value."""
LARGEST_IMAGE = 2 << 20
"""Bytes; a larger one is not shown."""
_PARQUET_SECONDS = 20

_IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
_IMAGES |= {".webp": "image/webp", ".svg": "image/svg+xml"}
MEDIA_TYPES = tuple(dict.fromkeys(_IMAGES.values()))
_PACKED = (".gz", ".bz2", ".zst")
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")


class Preview(NamedTuple):
    """What a file holds, as far as it is shown."""

    kind: Kind
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    is_cut: bool = False
    """There is more than is shown."""
    total: int | None = None
    """Rows in all, if the file says so."""


class Image(NamedTuple):
    """A picture."""

    media_type: str
    body: bytes


def kind_of(address: str) -> Kind:
    """What a file is likely to be, by its name."""
    ending = _ending(_unpacked_name(address))
    return "table" if ending in _TABLES else "image" if ending in _IMAGES else "text"


def preview(descriptor: int, address: str) -> Preview:
    """The beginning of an open file, which is closed at the end.

    Raises:
        OutOfSight: it cannot be shown.
    """
    with os.fdopen(descriptor, "rb") as file:
        name = _unpacked_name(address)
        ending = _ending(name)
        if ending in _IMAGES and name == address.lower():
            return Preview("image")
        if ending in (".parquet", ".pq"):
            return _parquet(file.fileno())
        data = file.read(READ + 1)
        data, is_cut = _unpacked(data[:READ], address), len(data) > READ
        is_cut = is_cut or len(data) > READ
        text = _decoded(data[:READ])
    show = _SHOWN_BY.get(ending)
    found = None if show is None else show(text, is_cut)
    return found or Preview("text", text, is_cut=is_cut)


def image(descriptor: int, address: str) -> Image:
    """A picture in an open file, which is closed at the end. What it is, its first bytes say.

    Raises:
        OutOfSight: it is none, or too large.
    """
    with os.fdopen(descriptor, "rb") as file:
        body = file.read(LARGEST_IMAGE + 1)
    if len(body) > LARGEST_IMAGE:
        raise OutOfSight(f"it is larger than {LARGEST_IMAGE >> 20} MiB")
    said = _IMAGES.get(_ending(address.lower()), "")
    if said == "image/svg+xml" and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return Image(said, body)
    for beginning, media_type in _BEGINNINGS:
        if body.startswith(beginning) and (media_type != "image/webp" or body[8:12] == b"WEBP"):
            return Image(media_type, body)
    raise OutOfSight("it is no picture, whatever its name says")


_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


# Names and bytes -------------------------------------------------------------------------------------------------


def _unpacked_name(address: str) -> str:
    name = address.lower()
    return name.rpartition(".")[0] if name.endswith(_PACKED) else name


def _ending(name: str) -> str:
    return os.path.splitext(name)[1]


def _unpacked(data: bytes, address: str) -> bytes:
    """What is packed in the beginning of a file; one byte more than is shown if there is more."""
    try:
        match _ending(address.lower()):
            case ".gz":
                return zlib.decompressobj(wbits=31).decompress(data, READ + 1)
            case ".bz2":
                return bz2.BZ2Decompressor().decompress(data, READ + 1)
            case ".zst":
                import zstandard

                return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data).read(READ + 1)
    except Exception as error:  # each of the three has errors of its own
        raise OutOfSight(f"it cannot be unpacked ({error})") from error
    return data


def _decoded(data: bytes) -> str:
    import codecs

    if b"\0" in data:
        raise OutOfSight("it is no text")
    try:
        # A character that is cut in the middle is left out.
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        raise OutOfSight("it is no text in UTF-8") from None


# Tables ----------------------------------------------------------------------------------------------------------


def _whole_lines(text: str, is_cut: bool) -> list[str]:
    lines = text.splitlines(keepends=True)
    return lines[:-1] if is_cut and len(lines) > 1 else lines


def _csv(text: str, is_cut: bool) -> Preview | None:
    lines = _whole_lines(text, is_cut)
    if not lines:
        return None
    delimiter = max(",;\t|", key=lines[0].count)
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            rows.append(row)
            if len(rows) > ROWS + 1:
                break
    except csv.Error:
        return None
    head, *rest = rows
    return _table(head, rest[: ROWS + 1], is_cut)


def _json(text: str, is_cut: bool) -> Preview | None:
    if is_cut:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return _table_of_objects(value, is_cut=False)
    written = json.dumps(value, indent=2, ensure_ascii=False)
    return Preview("text", written[:READ], is_cut=len(written) > READ)


def _json_lines(text: str, is_cut: bool) -> Preview | None:
    objects = []
    try:
        for line in _whole_lines(text, is_cut):
            if line.strip():
                objects.append(json.loads(line))
            if len(objects) > ROWS:
                break
    except (ValueError, RecursionError):
        return None
    if not objects or not all(isinstance(each, dict) for each in objects):
        return None
    return _table_of_objects(objects, is_cut)


def _table_of_objects(objects: Sequence[dict[str, Any]], is_cut: bool) -> Preview:
    shown = objects[: ROWS + 1]
    names = list(dict.fromkeys(name for each in shown for name in each))
    return _table(names, [[each.get(name) for name in names] for each in shown], is_cut)


def _table(names: Iterable[Any], rows: Sequence[Sequence[Any]], is_cut: bool, total: int | None = None) -> Preview:
    columns = tuple([_cell(name) for name in names])
    is_cut = is_cut or len(rows) > ROWS or len(columns) > COLUMNS
    shown = tuple([tuple([_cell(value) for value in row[:COLUMNS]]) for row in rows[:ROWS]])
    return Preview("table", "", columns[:COLUMNS], shown, is_cut, total)


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= CELL else f"{text[:CELL]}…"


_SHOWN_BY: dict[str, Callable[[str, bool], Preview | None]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
}


# Parquet ---------------------------------------------------------------------------------------------------------

_one_at_a_time = Lock()


def _parquet(descriptor: int) -> Preview:
    """The first rows, read by a process of its own with little time and memory: the file may be anybody's, and what
    reads it is a library in C++."""
    import subprocess
    import sys
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise OutOfSight("Parquet is shown where pyarrow is installed: pip install 'rumbo[frames]'")
    with _one_at_a_time:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "rumbo.artifacts.parquet", str(ROWS + 1), str(COLUMNS + 1)],
                stdin=descriptor,
                capture_output=True,
                timeout=_PARQUET_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise OutOfSight(f"it could not be read within {_PARQUET_SECONDS} s") from None
    if done.returncode:
        raise OutOfSight("it cannot be read as Parquet")
    told = json.loads(done.stdout)
    return _table(told["columns"], told["rows"], told["total"] > ROWS, told["total"])
