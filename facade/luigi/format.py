"""How the content of a file becomes what a task reads and writes: text, lines, compression."""

from luigi._forwarding import stand_for
from rumbo.pipeline import formats as _home
from rumbo.pipeline.formats import (
    UTF8,
    BaseWrapper,
    Bzip2,
    Bzip2Format,
    ChainFormat,
    FileWrapper,
    Format,
    Gzip,
    GzipFormat,
    InputPipeProcessWrapper,
    MixedUnicodeBytes,
    MixedUnicodeBytesFormat,
    MixedUnicodeBytesWrapper,
    NewlineFormat,
    Nop,
    NopFormat,
    OutputPipeProcessWrapper,
    SysNewLine,
    Text,
    TextFormat,
    TextWrapper,
    WrappedFormat,
    get_default_format,
)

__all__ = [
    "UTF8",
    "BaseWrapper",
    "Bzip2",
    "Bzip2Format",
    "ChainFormat",
    "FileWrapper",
    "Format",
    "Gzip",
    "GzipFormat",
    "InputPipeProcessWrapper",
    "MixedUnicodeBytes",
    "MixedUnicodeBytesFormat",
    "MixedUnicodeBytesWrapper",
    "NewlineFormat",
    "Nop",
    "NopFormat",
    "OutputPipeProcessWrapper",
    "SysNewLine",
    "Text",
    "TextFormat",
    "TextWrapper",
    "WrappedFormat",
    "get_default_format",
]

stand_for(__name__, _home)
