"""A look into files: what is shown of each kind, and that no more is read than that takes."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import zstandard

from rumbo.artifacts.preview import LARGEST_IMAGE, READ, ROWS, Preview, image, kind_of, preview
from rumbo.artifacts.sight import OutOfSight

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def shown(folder: Path, name: str, body: bytes | str) -> Preview:
    path = folder / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return preview(os.open(path, os.O_RDONLY), str(path))


def test_text_is_shown_as_it_is(tmp_path: Path) -> None:
    assert shown(tmp_path, "log", "ñandú\n<b>") == Preview("text", "ñandú\n<b>")
    assert shown(tmp_path, "empty", "") == Preview("text", "")


def test_of_a_large_text_the_beginning_is_shown_with_whole_characters(tmp_path: Path) -> None:
    found = shown(tmp_path, "large", "x" + "ñ" * READ)
    assert (len(found.text), found.is_cut) == (READ // 2, True)


@pytest.mark.parametrize("body", [b"a\0b", b"\xff\xfe\x00", b"caf\xe9 ol\xe9"])
def test_what_is_no_text_is_not_shown(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(OutOfSight, match=r"it is no text"):
        shown(tmp_path, "file", body)


def test_csv_by_any_of_the_usual_separators(tmp_path: Path) -> None:
    expected = Preview("table", columns=("day", "note"), rows=(("1", "a, <b>"), ("2", "")))
    assert shown(tmp_path, "a.csv", 'day,note\n1,"a, <b>"\n2,\n') == expected
    assert shown(tmp_path, "a.tsv", "day\tnote\n1\ta, <b>\n2\t\n") == expected
    assert shown(tmp_path, "b.csv", "\ufeffday;note\r\n1;a, <b>\r\n2;\r\n") == expected


def test_of_a_long_table_the_first_rows_are_shown(tmp_path: Path) -> None:
    found = shown(tmp_path, "a.csv", "n,text\n" + "".join(f"{n},{'x' * 300}\n" for n in range(1000)))
    assert (found.rows[0][0], len(found.rows), found.is_cut) == ("0", ROWS, True)
    assert len(found.rows[0][1]) == 201


def test_json(tmp_path: Path) -> None:
    assert shown(tmp_path, "a.json", '{"a": [1, "ñ"]}').text == '{\n  "a": [\n    1,\n    "ñ"\n  ]\n}'
    table = shown(tmp_path, "b.json", '[{"a": 1, "b": null}, {"a": true, "c": {"d": []}}]')
    assert table == Preview("table", columns=("a", "b", "c"), rows=(("1", "", ""), ("true", "", '{"d": []}')))
    assert shown(tmp_path, "c.json", '{"a": ').text == '{"a": '
    assert shown(tmp_path, "d.json", "[" * 50_000).kind == "text"


def test_lines_of_json(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"n": n, "pad": "x" * 100}) + "\n" for n in range(2000))
    found = shown(tmp_path, "a.jsonl", lines)
    assert (found.columns, found.rows[49][0], len(found.rows), found.is_cut) == (("n", "pad"), "49", ROWS, True)
    assert shown(tmp_path, "b.ndjson", "1\n2\n").kind == "text"


def test_what_is_packed_is_shown_unpacked_but_never_all_of_it(tmp_path: Path) -> None:
    text = b"a,b\n1,2\n"
    for ending, body in (("gz", gzip.compress(text)), ("bz2", bz2.compress(text)), ("zst", zstandard.compress(text))):
        assert shown(tmp_path, f"x.csv.{ending}", body).rows == (("1", "2"),)
    bomb = gzip.compress(b"x" * 50_000_000)
    assert len(shown(tmp_path, "bomb.gz", bomb).text) == READ
    with pytest.raises(OutOfSight, match="it cannot be unpacked"):
        shown(tmp_path, "no.gz", b"plain")


@pytest.mark.slow
def test_parquet(tmp_path: Path) -> None:
    write = """
import sys
import pyarrow as pa
from pyarrow import parquet
table = pa.table({"n": range(1000), "day": ["<b>"] * 1000, "when": pa.array([0] * 1000, pa.timestamp("s"))})
parquet.write_table(table, sys.argv[1])
"""
    path = tmp_path / "x.parquet"
    subprocess.run([sys.executable, "-c", write, str(path)], check=True)

    found = preview(os.open(path, os.O_RDONLY), str(path))

    assert (found.columns, len(found.rows), found.total, found.is_cut) == (("n", "day", "when"), ROWS, 1000, True)
    assert found.rows[7] == ("7", "<b>", "1970-01-01 00:00:00")
    with pytest.raises(OutOfSight, match=r"^it cannot be read as Parquet$"):
        shown(tmp_path, "broken.parquet", path.read_bytes()[:-20])


def test_pictures_are_what_their_first_bytes_say(tmp_path: Path) -> None:
    def picture(name: str, body: bytes) -> str:
        path = tmp_path / name
        path.write_bytes(body)
        assert preview(os.open(path, os.O_RDONLY), str(path)) == Preview("image")
        return image(os.open(path, os.O_RDONLY), str(path)).media_type

    assert picture("a.png", PNG) == "image/png"
    assert picture("a.jpg", b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert picture("a.gif", b"GIF89a") == "image/gif"
    assert picture("a.webp", b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert picture("a.svg", b" <svg xmlns='http://www.w3.org/2000/svg'/>") == "image/svg+xml"
    assert picture("wrong.gif", PNG) == "image/png"
    for name, body in (("a.png", b"<html>"), ("b.webp", b"RIFF\0\0\0\0WAVE"), ("c.svg", b"hello")):
        with pytest.raises(OutOfSight, match="it is no picture, whatever its name says"):
            picture(name, body)
    with pytest.raises(OutOfSight, match="it is larger than 2 MiB"):
        picture("big.png", PNG + b"\0" * LARGEST_IMAGE)


def test_what_a_name_promises() -> None:
    names = ("a.CSV.gz", "a.parquet", "a.PNG", "a.json", "a")
    assert [kind_of(name) for name in names] == ["table", "table", "image", "text", "text"]
