"""Formats: what goes through them, how they chain, and what happens to streams that end badly."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import shutil
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from rumbo.errors import TargetError
from rumbo.pipeline import formats
from rumbo.pipeline.formats import (
    UTF8,
    BaseWrapper,
    Bzip2,
    Bzip2Format,
    ChainFormat,
    DamagedDataError,
    FileWrapper,
    Format,
    FormatChainError,
    Gzip,
    GzipFormat,
    InputPipeProcessWrapper,
    MixedUnicodeBytes,
    NewlineFormat,
    Nop,
    OutputPipeProcessWrapper,
    PipeError,
    SysNewLine,
    Text,
    TextFormat,
    Zstd,
    ZstdFormat,
    get_default_format,
)
from rumbo.pipeline.local import LocalTarget

if TYPE_CHECKING:
    import pathlib


class Sheet(io.BytesIO):
    """Bytes that stay readable after the stream is closed, and know how it ended."""

    ended = ""

    def close(self) -> None:
        if not self.closed:
            self.ended = "closed"
            self.content = self.getvalue()
            super().close()

    def abort(self) -> None:
        self.ended = "aborted"
        super().close()

    def __exit__(self, exc_type: Any, *_: Any) -> None:
        self.abort() if exc_type else self.close()


def written(format: Format, *pieces: Any) -> bytes:
    sheet = Sheet()
    with format.pipe_writer(sheet) as stream:
        for piece in pieces:
            stream.write(piece)
    assert sheet.ended == "closed"
    return sheet.content


def read(format: Format, content: bytes) -> Any:
    with format.pipe_reader(io.BytesIO(content)) as stream:
        return stream.read()


# Text


def test_text_is_the_default() -> None:
    assert get_default_format() is Text
    assert LocalTarget("a").format is Text


def test_text_takes_the_arguments_of_pythons_own_wrapper() -> None:
    assert written(TextFormat(encoding="latin-1"), "ñ") == b"\xf1"
    assert read(TextFormat(encoding="ascii", errors="replace"), b"\xf1") == "\ufffd"
    assert written(TextFormat(newline="\r\n"), "a\nb\n") == b"a\r\nb\r\n"
    assert read(UTF8, "a\r\nñ".encode()) == "a\nñ"


def test_attributes_of_the_stream_below_are_reached_through_text() -> None:
    sheet = Sheet()
    sheet.colour = "blue"  # type: ignore[attr-defined]
    stream = UTF8.pipe_writer(sheet)
    assert stream.colour == "blue"
    with pytest.raises(AttributeError):
        stream.smell()


def test_text_that_cannot_be_encoded_publishes_nothing() -> None:
    sheet = Sheet()
    with pytest.raises(UnicodeEncodeError), TextFormat(encoding="ascii").pipe_writer(sheet) as stream:
        stream.write("ñ")
    assert sheet.ended == "aborted"


def test_text_whose_last_part_cannot_be_written_publishes_nothing() -> None:
    class FullSheet(Sheet):
        def write(self, data: Any) -> int:
            raise OSError("full")

    for format in (UTF8, UTF8 >> Gzip, UTF8 >> SysNewLine):
        sheet = FullSheet()
        stream = format.pipe_writer(sheet)
        stream.write("x" * 100)
        with pytest.raises(OSError, match="full"):
            stream.close()
        assert sheet.ended == "aborted"


def test_text_lost_over_a_stream_without_abort_is_flushed_to_it() -> None:
    below = io.BytesIO()
    stream = UTF8.pipe_writer(below)
    stream.write("text")
    del stream
    assert below.getvalue() == b"text"


def test_bytes_are_not_text() -> None:
    sheet = Sheet()
    with pytest.raises(TypeError), Text.pipe_writer(sheet) as stream:
        stream.write(b"bytes")
    assert sheet.ended == "aborted"


# Chains


def test_the_left_end_of_a_chain_is_nearest_to_the_user() -> None:
    assert gzip.decompress(written(UTF8 >> Gzip, "ñ")) == "ñ".encode()
    assert gzip.decompress(bz2.decompress(written(UTF8 >> Gzip >> Bzip2, "ñ"))) == "ñ".encode()
    assert read(UTF8 >> Gzip >> Bzip2, bz2.compress(gzip.compress("ñ".encode()))) == "ñ"


def test_a_chain_takes_what_its_left_end_takes_and_gives_what_its_right_end_gives() -> None:
    chain = UTF8 >> Gzip
    assert (chain.input, chain.output) == ("unicode", "bytes")
    assert not hasattr(ChainFormat(Nop, Nop), "input")


@pytest.mark.parametrize("chain", [lambda: Gzip >> Text, lambda: Text >> UTF8, lambda: Text >> Gzip >> UTF8])
def test_formats_that_do_not_fit_are_refused_when_chained(chain: Any) -> None:
    with pytest.raises(TypeError, match="cannot be: the first gives bytes, the second takes unicode"):
        chain()


def test_a_refused_chain_says_how_to_put_it_right() -> None:
    with pytest.raises(FormatChainError) as error:
        Gzip >> Text
    assert str(error.value) == (
        "GzipFormat >> TextFormat cannot be: the first gives bytes, the second takes unicode. "
        "Text comes first, compression after it: Text >> Gzip."
    )
    assert isinstance(error.value, TargetError)


def test_the_check_of_a_chain_can_be_left_out() -> None:
    ChainFormat(Gzip, Text, check_consistency=False)


def test_a_format_that_does_not_say_what_it_takes_fits_everywhere() -> None:
    assert written(Text >> Nop >> Gzip >> MixedUnicodeBytes, "a")[:2] == b"\x1f\x8b"


def test_a_format_must_read_and_write() -> None:
    for method in (Format().pipe_reader, Format().pipe_writer):
        with pytest.raises(NotImplementedError):
            method(io.BytesIO())


# Compression

CODECS = [
    (Gzip, gzip.compress, gzip.decompress, "gzip"),
    (Bzip2, bz2.compress, bz2.decompress, "bzip2"),
    (Zstd, zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data), "zstd"),
]
CONTENT = b"".join(b"line %d\n" % number for number in range(20_000))


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_what_we_compress_others_read_and_what_they_compress_we_read(
    format: Format, compress: Any, decompress: Any, kind: str
) -> None:
    assert decompress(written(format, CONTENT[:1000], CONTENT[1000:])) == CONTENT
    assert read(format, compress(CONTENT)) == CONTENT


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_pieces_one_after_the_other_are_one_content(format: Format, compress: Any, decompress: Any, kind: str) -> None:
    assert read(format, compress(b"one") + compress(b"") + compress(b"two")) == b"onetwo"
    assert read(format, compress(CONTENT) * 3 + b"\0" * 512) == CONTENT * 3


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_data_that_ends_too_early_is_an_error(
    format: Format, compress: Any, decompress: Any, kind: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "cut"
    path.write_bytes(compress(CONTENT)[:-5])
    with pytest.raises(DamagedDataError) as error, LocalTarget(path, format).open("r") as stream:
        stream.read()
    assert str(error.value) == (
        f"{path} is not whole {kind} data: it ends too early. "
        "Remove it and make it again, or open it with another format."
    )
    assert isinstance(error.value, RuntimeError)


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_data_of_another_kind_is_an_error(format: Format, compress: Any, decompress: Any, kind: str) -> None:
    with pytest.raises(DamagedDataError, match=f"A stream is not whole {kind} data: "):
        read(format, b"plain text, not compressed")


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_nothing_is_nothing_compressed(format: Format, compress: Any, decompress: Any, kind: str) -> None:
    assert decompress(written(format)) == b""
    assert read(format, compress(b"")) == b""
    assert read(format, b"") == b""


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_a_compressed_stream_reads_by_lines_and_by_parts(
    format: Format, compress: Any, decompress: Any, kind: str
) -> None:
    stream = format.pipe_reader(io.BytesIO(compress(CONTENT)))
    assert stream.readline() == b"line 0\n"
    assert stream.read(6) == b"line 1"
    assert next(stream) == b"\n"
    assert sum(1 for _ in stream) == 19_998
    stream.close()


@pytest.mark.parametrize(("format", "compress", "decompress", "kind"), CODECS)
def test_reading_may_stop_before_the_end(format: Format, compress: Any, decompress: Any, kind: str) -> None:
    below = io.BytesIO(compress(CONTENT))
    with format.pipe_reader(below) as stream:
        assert stream.read(4) == b"line"
    assert below.closed


@pytest.mark.parametrize("format", [Gzip, Bzip2, Zstd, SysNewLine])
def test_a_filtered_stream_that_is_lost_or_fails_publishes_nothing(format: Format) -> None:
    lost = Sheet()
    stream = format.pipe_writer(lost)
    stream.write(b"half")
    del stream
    assert lost.ended == "aborted"
    failed = Sheet()
    with pytest.raises(ZeroDivisionError), format.pipe_writer(failed):
        raise ZeroDivisionError
    assert failed.ended == "aborted"


def test_aborting_over_a_strangers_stream_tells_it_of_an_exception() -> None:
    class Stranger:
        told: Any = None

        def write(self, data: bytes) -> None: ...

        def __exit__(self, *told: Any) -> None:
            self.told = told

    stranger = Stranger()
    Gzip.pipe_writer(stranger).abort()
    assert stranger.told[0] is RuntimeError


def test_levels_of_compression() -> None:
    for kind in (GzipFormat, Bzip2Format, ZstdFormat):
        assert read(kind(), written(kind(compression_level=1), CONTENT)) == CONTENT
    assert len(written(GzipFormat(compression_level=9), CONTENT)) < len(written(GzipFormat(1), CONTENT))


@pytest.mark.parametrize("format", [Gzip, Bzip2, Zstd])
def test_what_we_write_is_the_same_each_time(format: Format, tmp_path: pathlib.Path) -> None:
    for name in ("a", "b"):
        with LocalTarget(tmp_path / name, format).open("w") as stream:
            stream.write(CONTENT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    if format is Gzip:
        assert (tmp_path / "a").read_bytes()[3:8] == bytes(5)  # no name, no time


def test_importing_formats_imports_no_codec() -> None:
    program = (
        "import sys; import rumbo.pipeline.local; "
        "print(sorted({'gzip', 'bz2', 'zlib', 'zstandard', 'subprocess', 'tempfile', 'random', 'shutil', 'glob'}"
        " & set(sys.modules)))"
    )
    bare = "import sys; print([name for name in ('zlib',) if name in sys.modules])"
    outputs = [
        subprocess.run([sys.executable, "-S", "-c", text], capture_output=True, text=True, check=True).stdout
        for text in (_with_path(program), bare)
    ]
    assert outputs[0] == outputs[1]


def _with_path(program: str) -> str:
    return f"import sys; sys.path[:0] = {sys.path!r}; {program}"


# Line ends


@pytest.mark.parametrize(
    ("newline", "expected"),
    [
        (None, b"a\nb\nc\nd\n\n"),
        ("\n", b"a\nb\nc\nd\n\n"),
        ("\r\n", b"a\r\nb\r\nc\r\nd\r\n\r\n"),
        ("\r", b"a\rb\rc\rd\r\r"),
    ],
)
def test_line_ends_are_made_alike(newline: str | None, expected: bytes) -> None:
    mixed = b"a\nb\r\nc\rd\n\r"
    format = NewlineFormat(newline=newline)
    assert written(format, mixed) == (expected if newline else expected.replace(b"\n", os.linesep.encode()))
    assert written(format, *(bytes([byte]) for byte in mixed)) == written(format, mixed)
    assert read(format, mixed) == expected


def test_an_empty_newline_changes_nothing() -> None:
    assert written(NewlineFormat(""), b"a\r\nb\r") == b"a\r\nb\r"
    assert read(NewlineFormat(""), b"a\r\nb\r") == b"a\r\nb\r"


def test_lines_are_read_one_by_one_with_their_new_ends() -> None:
    assert list(SysNewLine.pipe_reader(io.BytesIO(b"a\r\nb\rc"))) == [b"a\n", b"b\n", b"c"]


def test_other_line_ends_are_refused() -> None:
    with pytest.raises(ValueError) as error:
        NewlineFormat("\t")
    assert str(error.value) == r"newline must be one of None, '', '\n', '\r\n', '\r', and not '\t'."


# Wrapped streams


def test_mixed_streams_take_text_with_a_warning() -> None:
    format = formats.MixedUnicodeBytesFormat(encoding="utf8")
    with pytest.warns(UserWarning, match="Writing unicode to byte stream"):
        assert written(format, "ñ", b"\xff") == "ñ".encode() + b"\xff"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(MixedUnicodeBytes, b"\xff") == b"\xff"
        sheet = Sheet()
        MixedUnicodeBytes.pipe_writer(sheet).writelines([b"a", b"b"])
        assert sheet.getvalue() == b"ab"


def test_a_wrapped_stream_closes_when_its_last_line_is_read() -> None:
    below = io.BytesIO(b"a\nb\n")
    assert list(BaseWrapper(below)) == [b"a\n", b"b\n"]
    assert below.closed


def test_a_file_wrapper_can_bear_attributes() -> None:
    wrapper = FileWrapper(io.BytesIO(b"a\nb\n"))
    wrapper.colour = "blue"  # type: ignore[attr-defined]
    with wrapper as same:
        assert same is wrapper
        assert list(wrapper) == [b"a\n", b"b\n"]
    assert wrapper.closed


# Pipes


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", program]


COPY = python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")


def test_reading_from_a_program() -> None:
    with InputPipeProcessWrapper(["printf", "a\nb\n"]) as stream:
        assert (stream.readable(), stream.writable(), stream.seekable()) == (True, False, False)
        assert stream.readline() == b"a\n"
        assert stream.read() == b"b\n"
    assert InputPipeProcessWrapper(["printf", "a\nb\n"]).read() == b"a\nb\n"
    assert list(InputPipeProcessWrapper(["printf", "a\nb\n"])) == [b"a\n", b"b\n"]
    assert InputPipeProcessWrapper(["printf", "a\nb\n"]).readlines() == [b"a\n", b"b\n"]
    stream = InputPipeProcessWrapper(["printf", "ab"])
    assert stream.peek(1)[:1] == b"a"


def test_reading_through_a_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_bytes(b"from a file")
    with InputPipeProcessWrapper(["cat"], (tmp_path / "a").open("rb")) as stream:
        assert stream.read() == b"from a file"
    with InputPipeProcessWrapper(["cat"], io.BytesIO(b"from memory" * 50_000)) as stream:
        assert stream.read() == b"from memory" * 50_000


def test_a_running_program_can_be_given() -> None:
    process = subprocess.Popen(["printf", "a"], stdout=subprocess.PIPE)
    with InputPipeProcessWrapper(process) as stream:
        assert stream.read() == b"a"


def test_a_program_may_be_left_before_its_end() -> None:
    with InputPipeProcessWrapper(["yes"]) as stream:
        assert stream.readline() == b"y\n"


def test_a_program_that_ends_badly_is_an_error_of_closing() -> None:
    stream = InputPipeProcessWrapper(["sh", "-c", "echo a; exit 3"])
    assert stream.read() == b"a\n"
    with pytest.raises(PipeError) as error:
        stream.close()
    assert str(error.value) == (
        "Reading from sh -c echo a; exit 3 failed: it ended with status 3. What was read from it may lack its end."
    )
    assert isinstance(error.value, RuntimeError)
    stream.close()


def test_an_exception_goes_before_a_program_that_ends_badly() -> None:
    with pytest.raises(ZeroDivisionError), InputPipeProcessWrapper(["false"]):
        raise ZeroDivisionError


def test_a_program_that_is_not_there_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        InputPipeProcessWrapper(["no-such-program"])
    with pytest.raises(FileNotFoundError):
        OutputPipeProcessWrapper(["no-such-program"])


def test_writing_through_a_program_to_a_target(tmp_path: pathlib.Path) -> None:
    target = LocalTarget(tmp_path / "a", Nop)
    with OutputPipeProcessWrapper(["cat"], target.open("w")) as stream:
        assert (stream.readable(), stream.writable(), stream.seekable()) == (False, True, False)
        stream.write(b"text\n")
        stream.writeLine(b"line")
        assert not target.exists()
    assert (tmp_path / "a").read_bytes() == b"text\nline\n"


def test_writing_through_a_program_to_a_stream_that_is_no_file() -> None:
    sheet = Sheet()
    with OutputPipeProcessWrapper(["cat"], sheet) as stream:
        stream.write(b"text")
    assert sheet.content == b"text"


def test_writing_to_a_program_alone() -> None:
    stream = OutputPipeProcessWrapper(["sh", "-c", "cat > /dev/null"])
    stream.WRITES_BEFORE_FLUSH = 2
    for _ in range(3):
        stream.write(b"text")
    assert stream.fileno() > 0
    stream.close()
    stream.close()
    assert stream.closed


def test_one_line_is_one_line() -> None:
    stream = OutputPipeProcessWrapper(["sh", "-c", "cat > /dev/null"])
    with pytest.raises(ValueError, match="writeLine takes one line"):
        stream.writeLine(b"a\nb")
    stream.close()


def test_an_exception_while_writing_through_a_program_publishes_nothing(tmp_path: pathlib.Path) -> None:
    target = LocalTarget(tmp_path / "a", Nop)
    with pytest.raises(ZeroDivisionError), OutputPipeProcessWrapper(["cat"], target.open("w")):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_forgotten_publishes_nothing(tmp_path: pathlib.Path) -> None:
    stream = OutputPipeProcessWrapper(["cat"], LocalTarget(tmp_path / "a", Nop).open("w"))
    stream.write(b"text")
    del stream
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["sh", "-c", "cat; exit 3"], "it ended with status 3"),
        (["sh", "-c", "exec < /dev/null; sleep 0"], "it stopped reading before the end"),
    ],
)
def test_a_program_that_fails_publishes_nothing(tmp_path: pathlib.Path, command: list[str], reason: str) -> None:
    stream = OutputPipeProcessWrapper(command, LocalTarget(tmp_path / "a", Nop).open("w"))
    stream.write(b"x" * 1000)
    if "before" in reason:
        stream._process.wait()
    with pytest.raises(PipeError) as error:
        stream.close()
    assert str(error.value) == f"Writing to {' '.join(command)} failed: {reason}. Nothing was published."
    assert list(tmp_path.iterdir()) == []


def test_a_program_whose_output_cannot_be_passed_on_publishes_nothing() -> None:
    class FullSheet(Sheet):
        def write(self, data: Any) -> int:
            raise OSError("full")

    sheet = FullSheet()
    stream = OutputPipeProcessWrapper(["cat"], sheet)
    stream.write(b"text")
    with pytest.raises(OSError, match="full"):
        stream.close()
    assert sheet.ended == "aborted"


@pytest.mark.skipif(not shutil.which("gzip"), reason="needs the program gzip")
def test_a_format_made_of_programs(tmp_path: pathlib.Path) -> None:
    class Program(Format):
        input = output = "bytes"

        def pipe_reader(self, input_pipe: Any) -> Any:
            return InputPipeProcessWrapper(["gunzip"], input_pipe)

        def pipe_writer(self, output_pipe: Any) -> Any:
            return OutputPipeProcessWrapper(["gzip"], output_pipe)

    target = LocalTarget(tmp_path / "a.gz", UTF8 >> Program())
    with target.open("w") as stream:
        stream.write("ñandú\n" * 1000)
    with target.open("r") as stream:
        assert stream.read() == "ñandú\n" * 1000
    with target.open("r") as stream:
        assert stream.readline() == "ñandú\n"
    with LocalTarget(tmp_path / "a.gz", UTF8 >> Gzip).open("r") as stream:
        assert stream.read() == "ñandú\n" * 1000
    with pytest.raises(ZeroDivisionError), LocalTarget(tmp_path / "b", UTF8 >> Program()).open("w"):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]
