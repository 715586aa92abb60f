"""How a target's bytes are read and written: text, line ends, compression, pipes through programs.

A format turns a stream of bytes into another stream. ``Text >> Gzip`` is a chain; its left end is nearest to the
user. A written stream is published by ``close()``, and by ``abort()`` it is as if it had never been: each layer
hands both on to the one below, down to the file itself.

Compression happens in this process, by libraries; no program has to be installed, and nothing is forked. What we
write is the same, byte for byte, each time: no time stamp, no file name.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from typing import IO, TYPE_CHECKING, Any

from rumbo.errors import TargetError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Protocol

    from typing_extensions import Buffer

    class _Machine(Protocol):
        """What takes bytes and gives other bytes, perhaps later."""

        def compress(self, data: bytes, /) -> bytes: ...
        def flush(self) -> bytes: ...

    class _Decompressor(Protocol):
        """What takes compressed bytes and says when a piece is at its end."""

        @property
        def eof(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...
        def decompress(self, data: bytes, /) -> bytes: ...


_CHUNK = 16 * 1024  # compressed bytes taken at once: small, for a chunk of zeros grows a thousandfold
_BUFFER = 64 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")


class FormatChainError(TargetError, TypeError):
    """Two formats do not fit together."""


class DamagedDataError(TargetError, RuntimeError):
    """Compressed data cannot be read to its end. Also a ``RuntimeError``, which is what Luigi's ``gunzip`` ends in."""


class PipeError(TargetError, RuntimeError):
    """A program in a pipe ended badly. Also a ``RuntimeError``, which is what Luigi raises."""


# The interface -------------------------------------------------------------------------------------------------


class Format:
    """How to read and write.

    Subclasses may say what they take and give: ``input`` and ``output``, each ``"unicode"`` or ``"bytes"``.
    """

    def pipe_reader(self, input_pipe: Any) -> Any:
        """A stream to read from, on top of one that gives bytes."""
        raise NotImplementedError

    def pipe_writer(self, output_pipe: Any) -> Any:
        """A stream to write to, on top of one that takes bytes."""
        raise NotImplementedError

    def __rshift__(self, other: Format) -> ChainFormat:
        return ChainFormat(self, other)


class ChainFormat(Format):
    """Formats one after the other; the first is nearest to the user."""

    input: str
    output: str

    def __init__(self, *args: Format, check_consistency: bool = True) -> None:
        self.args = args
        if hasattr(args[0], "input"):
            self.input = args[0].input
        if hasattr(args[-1], "output"):
            self.output = args[-1].output
        if check_consistency:
            for position, right in enumerate(args[1:]):
                _check_fit(args[position], right)

    def pipe_reader(self, input_pipe: Any) -> Any:
        for layer in reversed(self.args):
            input_pipe = layer.pipe_reader(input_pipe)
        return input_pipe

    def pipe_writer(self, output_pipe: Any) -> Any:
        for layer in reversed(self.args):
            output_pipe = layer.pipe_writer(output_pipe)
        return output_pipe


def _check_fit(left: Format, right: Format) -> None:
    given = getattr(left, "output", None)
    wanted = getattr(right, "input", None)
    if given is None or wanted is None or given == wanted:
        return
    raise FormatChainError(
        f"{type(left).__name__} >> {type(right).__name__} cannot be: "
        f"the first gives {given}, the second takes {wanted}. "
        "Text comes first, compression after it: Text >> Gzip."
    )


class NopFormat(Format):
    """Bytes, as they are."""

    def pipe_reader(self, input_pipe: Any) -> Any:
        return input_pipe

    def pipe_writer(self, output_pipe: Any) -> Any:
        return output_pipe


class WrappedFormat(Format):
    """A format made from one class that wraps a stream; it gets the format's own arguments."""

    wrapper_cls: Callable[..., Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def pipe_reader(self, input_pipe: Any) -> Any:
        return self.wrapper_cls(input_pipe, *self.args, **self.kwargs)

    def pipe_writer(self, output_pipe: Any) -> Any:
        return self.wrapper_cls(output_pipe, *self.args, **self.kwargs)


def abort_stream(stream: Any) -> None:
    """Tell a stream that is being written that it shall never be published."""
    abort = getattr(stream, "abort", None)
    if abort is not None:
        abort()
        return
    # A stranger's stream knows at least the protocol of `with`.
    cause = RuntimeError("aborted")
    stream.__exit__(RuntimeError, cause, None)


# Text ----------------------------------------------------------------------------------------------------------


class TextWrapper(io.TextIOWrapper):
    """Text over a stream of bytes, which alone decides what closing and losing it mean."""

    def __init__(self, stream: Any, *args: Any, **kwargs: Any) -> None:
        self._stream = stream
        super().__init__(stream, *args, **kwargs)

    def close(self) -> None:
        if self.closed:
            return
        try:
            self.flush()
        except BaseException:
            # TextIOWrapper would close the stream all the same, and so publish a part.
            abort_stream(self._stream)
            raise
        super().close()

    def __enter__(self) -> TextWrapper:
        return self

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        if exc_type is None:
            self.close()
        else:
            self._stream.__exit__(exc_type, exc, traceback)

    def __del__(self) -> None:
        # IOBase would close the stream, and closing means publishing.
        try:
            if self.closed or not self.writable():
                return
        except ValueError:  # never came to life
            return
        abort = getattr(self._stream, "abort", None)
        if abort is not None:
            abort()
        else:
            self.flush()

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":
            raise AttributeError(name)
        return getattr(self._stream, name)


class TextFormat(WrappedFormat):
    """Text. The arguments are those of ``io.TextIOWrapper``: ``encoding``, ``errors``, ``newline``."""

    input = "unicode"
    output = "bytes"
    wrapper_cls = TextWrapper


# Bytes through a function, both ways ---------------------------------------------------------------------------


class _Blocks(io.RawIOBase):
    """A raw stream over an iterator of blocks of bytes."""

    def __init__(self, blocks: Iterator[bytes], source: Any) -> None:
        self._blocks = blocks
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        length = min(len(buffer), len(self._rest))
        buffer[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._source.close()


class _Filter(io.RawIOBase):
    """A raw stream that writes what a machine makes of its input."""

    def __init__(self, machine: _Machine, stream: Any) -> None:
        self._machine = machine
        self._stream = stream
        self._failed = False

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        view = memoryview(data)
        try:
            self._pass_on(self._machine.compress(view))  # type: ignore[arg-type]
        except BaseException:
            self._failed = True
            raise
        return view.nbytes

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._stream.write(data)

    def close(self) -> None:
        if self.closed:
            return
        # BufferedWriter closes its raw stream even when its own last write failed.
        if self._failed:
            self.abort()
            return
        try:
            self._pass_on(self._machine.flush())
        except BaseException:
            self.abort()
            raise
        super().close()
        self._stream.close()

    def abort(self) -> None:
        if self.closed:
            return
        super().close()
        abort_stream(self._stream)

    def __del__(self) -> None:
        self.abort()


class FilteredWriter(io.BufferedWriter):
    """A buffer before a machine. Losing it without ``close()`` publishes nothing."""

    def __init__(self, machine: _Machine, stream: Any) -> None:
        self._filter = _Filter(machine, stream)
        super().__init__(self._filter, _BUFFER)

    def abort(self) -> None:
        """Forget what was written."""
        self._filter.abort()

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        self.abort()


def _decompressed(
    source: Any, begin: Callable[[], _Decompressor], errors: tuple[type[Exception], ...], kind: str
) -> Iterator[bytes]:
    """The blocks of one compressed piece after the other, as ``cat a.gz b.gz`` makes them."""
    machine = None
    is_first = True
    while chunk := source.read(_CHUNK):
        while chunk:
            if machine is None:
                # Tapes and tar pad with zeros after the last piece.
                chunk = chunk if is_first else chunk.lstrip(b"\0")
                if not chunk:
                    break
                machine, is_first = begin(), False
            try:
                block = machine.decompress(chunk)
            except errors as error:
                raise _damaged(source, kind, str(error)) from error
            if block:
                yield block
            if not machine.eof:
                break
            chunk, machine = machine.unused_data, None
    if machine is not None:
        raise _damaged(source, kind, "it ends too early")


def _damaged(source: Any, kind: str, reason: str) -> DamagedDataError:
    name = getattr(source, "name", None)
    where = name if isinstance(name, str) else "A stream"
    return DamagedDataError(
        f"{where} is not whole {kind} data: {reason}. Remove it and make it again, or open it with another format."
    )


def _decompressing_reader(
    source: Any, begin: Callable[[], _Decompressor], errors: tuple[type[Exception], ...], kind: str
) -> io.BufferedReader:
    return io.BufferedReader(_Blocks(_decompressed(source, begin, errors, kind), source), _BUFFER)


# Compression ---------------------------------------------------------------------------------------------------


class GzipFormat(Format):
    """gzip.

    Args:
        compression_level: 0 to 9; none means 6, as the program ``gzip`` does.
    """

    input = "bytes"
    output = "bytes"

    def __init__(self, compression_level: int | None = None) -> None:
        self.compression_level = compression_level

    def pipe_reader(self, input_pipe: Any) -> io.BufferedReader:
        import zlib

        return _decompressing_reader(input_pipe, lambda: zlib.decompressobj(31), (zlib.error,), "gzip")

    def pipe_writer(self, output_pipe: Any) -> FilteredWriter:
        import zlib

        level = 6 if self.compression_level is None else int(self.compression_level)
        return FilteredWriter(zlib.compressobj(level, zlib.DEFLATED, 31), output_pipe)


class Bzip2Format(Format):
    """bzip2.

    Args:
        compression_level: 1 to 9; none means 9, as the program ``bzip2`` does.
    """

    input = "bytes"
    output = "bytes"

    def __init__(self, compression_level: int | None = None) -> None:
        self.compression_level = compression_level

    def pipe_reader(self, input_pipe: Any) -> io.BufferedReader:
        import bz2

        return _decompressing_reader(input_pipe, bz2.BZ2Decompressor, (OSError, ValueError), "bzip2")

    def pipe_writer(self, output_pipe: Any) -> FilteredWriter:
        import bz2

        level = 9 if self.compression_level is None else int(self.compression_level)
        return FilteredWriter(bz2.BZ2Compressor(level), output_pipe)


class ZstdFormat(Format):
    """Zstandard.

    Args:
        compression_level: 1 to 22 (negative ones are faster still); none means 3, as the program ``zstd`` does.
    """

    input = "bytes"
    output = "bytes"

    def __init__(self, compression_level: int | None = None) -> None:
        self.compression_level = compression_level

    def pipe_reader(self, input_pipe: Any) -> io.BufferedReader:
        import zstandard

        machine = zstandard.ZstdDecompressor()
        return _decompressing_reader(input_pipe, machine.decompressobj, (zstandard.ZstdError,), "zstd")

    def pipe_writer(self, output_pipe: Any) -> FilteredWriter:
        import zstandard

        level = 3 if self.compression_level is None else int(self.compression_level)
        return FilteredWriter(zstandard.ZstdCompressor(level=level).compressobj(), output_pipe)


# Line ends -----------------------------------------------------------------------------------------------------


class _LineEnds:
    """Turns every line end (``\\n``, ``\\r\\n``, ``\\r``) into one kind, also where a pair is cut in two."""

    def __init__(self, line_end: bytes) -> None:
        self._line_end = line_end
        self._held = b""

    def compress(self, data: bytes) -> bytes:
        data = self._held + bytes(data)
        self._held = b"\r" if data.endswith(b"\r") else b""
        return _LINE_END.sub(self._line_end, data.removesuffix(self._held))

    def flush(self) -> bytes:
        return self._line_end if self._held else b""


class NewlineFormat(Format):
    """Bytes whose line ends are made alike.

    Args:
        newline: what lines shall end with, as text: ``"\\n"``, ``"\\r\\n"``, ``"\\r"``. By default lines are read
            with ``"\\n"`` and written with the system's own line end. ``""`` changes nothing.
    """

    input = "bytes"
    output = "bytes"

    def __init__(self, newline: str | None = None) -> None:
        if newline not in (None, "", "\n", "\r\n", "\r"):
            raise ValueError(f"newline must be one of None, '', '\\n', '\\r\\n', '\\r', and not {newline!r}.")
        self.newline = newline

    def pipe_reader(self, input_pipe: Any) -> Any:
        if self.newline == "":
            return input_pipe
        machine = _LineEnds((self.newline or "\n").encode())
        return io.BufferedReader(_Blocks(_translated(input_pipe, machine), input_pipe), _BUFFER)

    def pipe_writer(self, output_pipe: Any) -> Any:
        if self.newline == "":
            return output_pipe
        return FilteredWriter(_LineEnds((self.newline or os.linesep).encode()), output_pipe)


def _translated(source: Any, machine: _LineEnds) -> Iterator[bytes]:
    while chunk := source.read(_BUFFER):
        yield machine.compress(chunk)
    yield machine.flush()


# Streams that wrap another one ---------------------------------------------------------------------------------


class FileWrapper:
    """A stream in a plain object, so that attributes can be added to it."""

    def __init__(self, file_object: Any) -> None:
        self._subpipe = file_object

    def __getattr__(self, name: str) -> Any:
        if name == "_subpipe":
            raise AttributeError(name)
        return getattr(self._subpipe, name)

    def __enter__(self, *args: Any, **kwargs: Any) -> FileWrapper:
        return self

    def __exit__(self, *args: Any, **kwargs: Any) -> Any:
        return self._subpipe.__exit__(*args, **kwargs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._subpipe)


class BaseWrapper:
    """A stream that hands everything on to another one. Its last line read, it closes."""

    def __init__(self, stream: Any, *args: Any, **kwargs: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __enter__(self) -> BaseWrapper:
        self._stream.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._stream.__exit__(*args)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._stream
        finally:
            self.close()


class MixedUnicodeBytesWrapper(BaseWrapper):
    """A stream of bytes that takes text as well, with a warning."""

    def __init__(self, stream: Any, encoding: str | None = None) -> None:
        if encoding is None:
            import locale

            encoding = locale.getpreferredencoding()
        self.encoding = encoding
        super().__init__(stream)

    def write(self, b: str | bytes) -> None:
        self._stream.write(self._convert(b))

    def writelines(self, lines: Iterable[str | bytes]) -> None:
        self._stream.writelines(self._convert(line) for line in lines)

    def _convert(self, b: str | bytes) -> bytes:
        if isinstance(b, bytes):
            return b
        warnings.warn("Writing unicode to byte stream", stacklevel=3)
        return b.encode(self.encoding)


class MixedUnicodeBytesFormat(WrappedFormat):
    """Bytes, and text by mistake. The argument is the ``encoding``."""

    output = "bytes"
    wrapper_cls = MixedUnicodeBytesWrapper


# Pipes through programs ----------------------------------------------------------------------------------------


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return False
    return True


def _copy(source: Any, destination: Any) -> None:
    while chunk := source.read(_BUFFER):
        destination.write(chunk)


class InputPipeProcessWrapper:
    """What a program prints, as a stream to read.

    Args:
        command: the program and its arguments, or a ``Popen`` whose ``stdout`` is a pipe.
        input_pipe: the stream that the program reads. One that is not a file of the system is copied to a file first.

    Raises:
        PipeError: by ``close()``, when the program ended badly. That it was stopped by our reading no further
            (SIGPIPE) is not bad.
    """

    #: 0, SIGPIPE as a shell reports it, SIGPIPE as Python does.
    _good_ends = (0, 128 + 13, -13)

    def __init__(self, command: Sequence[str] | subprocess.Popen[bytes], input_pipe: Any = None) -> None:
        import subprocess

        self._command = command
        self._finished = False
        self._input_pipe = input_pipe
        if input_pipe is not None and not _has_descriptor(input_pipe):
            self._input_pipe = self._spooled(input_pipe)
        self._process = command if isinstance(command, subprocess.Popen) else self.create_subprocess(command)

    @staticmethod
    def _spooled(stream: Any) -> IO[bytes]:
        import tempfile

        # Ours until _finish() closes it; it has no name in any folder.
        spool = tempfile.TemporaryFile()  # noqa: SIM115
        with stream:
            _copy(stream, spool)
        spool.seek(0)
        return spool

    def create_subprocess(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start the program. Popen gives it back the system's own answer to SIGPIPE, which Python changes."""
        import subprocess

        return subprocess.Popen(command, stdin=self._input_pipe, stdout=subprocess.PIPE)

    def close(self) -> None:
        self._finish()

    def _finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        self._output.close()
        if self._input_pipe is not None:
            self._input_pipe.close()
        status = self._process.wait()
        if status not in self._good_ends:
            raise PipeError(
                f"Reading from {_shown(self._command)} failed: it ended with status {status}. "
                "What was read from it may lack its end."
            )

    def _abort(self) -> None:
        try:
            self._finish()
        except PipeError:
            pass  # an exception is on its way already, and its reason is the better one

    def __enter__(self) -> InputPipeProcessWrapper:
        return self

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        if exc_type is None:
            self._finish()
        else:
            self._abort()

    def __del__(self) -> None:
        if "_process" in self.__dict__:
            self._abort()

    def __getattr__(self, name: str) -> Any:
        if name in ("_process", "_input_pipe"):
            raise AttributeError(name)
        try:
            return getattr(self._process.stdout, name)
        except AttributeError:
            return getattr(self._input_pipe, name)

    # These are here, and not left to __getattr__, so that `target.open().read()` holds this object while it reads.

    def read(self, size: int = -1) -> bytes:
        return self._output.read(size)

    def readline(self, size: int = -1) -> bytes:
        return self._output.readline(size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        return self._output.readlines(hint)

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def __iter__(self) -> Iterator[bytes]:
        yield from self._output
        self._finish()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


class OutputPipeProcessWrapper:
    """What a program reads, as a stream to write.

    Args:
        command: the program and its arguments.
        output_pipe: the stream that takes what the program prints; it is closed, and so published, when the program
            has ended well. One that is not a file of the system gets it all at the end.

    Raises:
        PipeError: by ``close()``, when the program ended badly; then ``output_pipe`` is aborted.
    """

    WRITES_BEFORE_FLUSH = 10000

    def __init__(self, command: Sequence[str], output_pipe: Any = None) -> None:
        import subprocess

        self.closed = True  # until the program runs
        self._command = command
        self._output_pipe = output_pipe
        self._spool: IO[bytes] | None = None
        if output_pipe is not None and not _has_descriptor(output_pipe):
            import tempfile

            self._spool = tempfile.TemporaryFile()  # noqa: SIM115
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=self._spool or output_pipe
        )
        self.closed = False
        self._flushcount = 0

    def write(self, *args: Any, **kwargs: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(*args, **kwargs)
        self._flushcount += 1
        if self._flushcount == self.WRITES_BEFORE_FLUSH:
            self._process.stdin.flush()
            self._flushcount = 0

    def writeLine(self, line: Any) -> None:  # noqa: N802 (Luigi's name)
        end = b"\n" if isinstance(line, bytes) else "\n"
        if end in line:
            raise ValueError(f"writeLine takes one line, and not {line!r}.")
        self.write(line + end)

    def close(self) -> None:
        """Let the program finish and publish what it printed."""
        if self.closed:
            return
        read_everything = self._finish()
        status = self._process.returncode
        if status != 0 or not read_everything:
            reason = f"it ended with status {status}" if status else "it stopped reading before the end"
            self._abort_output()
            raise PipeError(f"Writing to {_shown(self._command)} failed: {reason}. Nothing was published.")
        if self._output_pipe is None:
            return
        if self._spool is not None:
            self._spool.seek(0)
            try:
                _copy(self._spool, self._output_pipe)
            except BaseException:
                self._abort_output()
                raise
        self._output_pipe.close()

    def abort(self) -> None:
        """Let the program end and forget what it printed."""
        if self.closed:
            return
        self._finish()
        self._abort_output()

    def _finish(self) -> bool:
        """Wait for the program's end; whether it took all that we had for it."""
        assert self._process.stdin is not None
        self.closed = True
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            return False
        finally:
            self._process.wait()
        return True

    def _abort_output(self) -> None:
        if self._output_pipe is not None:
            abort_stream(self._output_pipe)

    def __enter__(self) -> OutputPipeProcessWrapper:
        return self

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        if not self.__dict__.get("closed", True):
            self.abort()

    def __getattr__(self, name: str) -> Any:
        if name in ("_process", "_output_pipe"):
            raise AttributeError(name)
        try:
            return getattr(self._process.stdin, name)
        except AttributeError:
            return getattr(self._output_pipe, name)

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _shown(command: Any) -> str:
    arguments = getattr(command, "args", command)
    return arguments if isinstance(arguments, str) else " ".join(map(str, arguments))


# The formats by name -------------------------------------------------------------------------------------------

Text = TextFormat()
UTF8 = TextFormat(encoding="utf8")
Nop = NopFormat()
SysNewLine = NewlineFormat()
Gzip = GzipFormat()
Bzip2 = Bzip2Format()
Zstd = ZstdFormat()
MixedUnicodeBytes = MixedUnicodeBytesFormat()


def get_default_format() -> Format:
    """The format of a target that names none: text in the system's encoding."""
    return Text
