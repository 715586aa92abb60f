"""Data frames in and out of targets, by each library in each kind of file."""

from __future__ import annotations

import copy
import gc
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import rumbo
from rumbo.errors import MissingExtraError, TargetError
from rumbo.pipeline import frames

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"name": ["Ñandú", "a,b", "c"], "weight": [1.5, 2.5, -3.0], "legs": [2, 4, 0]}
KINDS = ["csv", "jsonl", "ndjson", "parquet", "pq", "feather", "arrow"]


def frame_of(library: str, columns: dict[str, list[Any]] = COLUMNS) -> Any:
    module = pytest.importorskip(library, reason=f"{library} is not installed: pip install -e '.[dev-services]'")
    return module.table(columns) if library == "pyarrow" else module.DataFrame(columns)


def columns_of(frame: Any) -> dict[str, list[Any]]:
    if hasattr(frame, "to_pydict"):
        return dict(frame.to_pydict())
    if hasattr(frame, "get_columns"):
        return dict(frame.to_dict(as_series=False))
    return dict(frame.to_dict("list"))


@pytest.mark.parametrize("library", frames.LIBRARIES)
@pytest.mark.parametrize("suffix", [*KINDS, "csv.gz", "jsonl.zst", "csv.bz2", "parquet.gz"])
def test_a_frame_comes_back(library: str, suffix: str, tmp_path: Path) -> None:
    target = rumbo.LocalTarget(tmp_path / f"deep/animals.{suffix}")
    target.dump(frame_of(library))
    found = target.load(library)
    assert type(found).__module__.partition(".")[0] == library
    assert columns_of(found) == COLUMNS


@pytest.mark.parametrize("reader", frames.LIBRARIES)
@pytest.mark.parametrize("writer", frames.LIBRARIES)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "feather"])
def test_what_one_library_wrote_another_reads(writer: str, reader: str, suffix: str, tmp_path: Path) -> None:
    pytest.importorskip(reader)
    target = rumbo.LocalTarget(tmp_path / f"animals.{suffix}")
    target.dump(frame_of(writer))
    assert columns_of(target.load(reader)) == COLUMNS


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_any_target_will_do(suffix: str) -> None:
    target = rumbo.MemoryTarget(f"frames/animals.{suffix}")
    target.dump(frame_of("polars"))
    assert columns_of(target.load("polars")) == COLUMNS


def test_the_formats_compression_holds_and_its_text_does_not(tmp_path: Path) -> None:
    target = rumbo.LocalTarget(tmp_path / "animals.csv", format=rumbo.UTF8 >> rumbo.Gzip)
    target.dump(frame_of("pandas"))
    assert (tmp_path / "animals.csv").read_bytes()[:2] == b"\x1f\x8b"
    assert columns_of(target.load("pandas")) == COLUMNS
    assert target.open().readline() == "name,weight,legs\n"


def test_options_are_those_of_the_library(tmp_path: Path) -> None:
    target = rumbo.LocalTarget(tmp_path / "animals.csv")
    target.dump(frame_of("pandas"), sep=";", index=True)
    assert target.open().readline() == ";name;weight;legs\n"
    assert list(target.load("pandas", sep=";", usecols=["legs"])["legs"]) == COLUMNS["legs"]


def test_a_lazy_frame_is_collected(tmp_path: Path) -> None:
    target = rumbo.LocalTarget(tmp_path / "animals.parquet")
    target.dump(frame_of("polars").lazy())
    assert columns_of(target.load("polars")) == COLUMNS


def test_pandas_is_the_first_choice(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    target = rumbo.LocalTarget(tmp_path / "animals.csv")
    target.dump(frame_of("pyarrow"))
    assert isinstance(target.load(), pandas.DataFrame)


def test_a_frame_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = rumbo.LocalTarget(tmp_path / "animals.csv")
    with pytest.raises(TypeError):
        target.dump(frame_of("pandas"), nonsense=True)
    assert os.listdir(tmp_path) == []


def test_a_copy_leaves_a_temporary_file_to_its_owner() -> None:
    target = rumbo.LocalTarget(is_tmp=True)
    target.write_text("text")
    copy.copy(target)
    gc.collect()
    assert target.exists()


# Mistakes


def test_a_suffix_without_a_frame(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as raised:
        rumbo.LocalTarget("animals.xls").load()
    assert str(raised.value) == (
        "animals.xls does not end like a file with a frame in it: name it "
        ".csv, .jsonl, .ndjson, .parquet, .pq, .feather, .arrow, "
        "with .gz, .bz2 or .zst behind that if you like, or read and write it through open()."
    )


def test_something_that_is_no_frame() -> None:
    with pytest.raises(TargetError) as raised:
        rumbo.LocalTarget("animals.csv").dump([1, 2])
    assert str(raised.value) == ("A builtins.list is no frame: pass one of pandas or polars, or a table of pyarrow.")


def test_a_library_that_nobody_knows() -> None:
    with pytest.raises(TargetError) as raised:
        rumbo.LocalTarget("animals.csv").load("numpy")
    assert str(raised.value) == ("No frames are known of a library 'numpy': it must be one of pandas, polars, pyarrow.")


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError) as raised:
        rumbo.LocalTarget("animals.csv").load("polars")
    assert str(raised.value) == "CSV by polars needs a library that is not installed: pip install 'rumbo[frames]'"


def test_no_library_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="Loading a frame needs a library that is not installed"):
        rumbo.LocalTarget("animals.csv").load()


def test_a_target_that_says_nothing_of_formats() -> None:
    class Own(rumbo.FileSystemTarget):
        fs = rumbo.LocalTarget.fs

        def open(self, mode: str) -> Any: ...

    with pytest.raises(TargetError) as raised:
        Own("animals.csv").load("pandas")
    assert str(raised.value) == "Own has no format, so it is not known how to take bytes through it."
