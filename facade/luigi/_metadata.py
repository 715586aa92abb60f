"""Answers `importlib.metadata.version("luigi")`, which packages built on Luigi ask, though the distribution is ours.

Only who asks for that name gets an answer, so lists of what is installed stay true.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from luigi.__version__ import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Finder:
    """A finder that finds no modules, but the metadata of one distribution."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Nothing: modules are found by others."""

    @staticmethod
    def find_distributions(context: Any) -> Iterator[Any]:
        """The distribution, when it is asked for by its name."""
        if getattr(context, "name", None) == "luigi":
            yield _distribution()


def _distribution() -> Any:
    from importlib.metadata import Distribution  # slow to import, and few ask
    from pathlib import Path

    class Luigi(Distribution):
        def read_text(self, filename: str) -> str | None:
            return f"Metadata-Version: 2.1\nName: luigi\nVersion: {VERSION}\n" if filename == "METADATA" else None

        def locate_file(self, path: Any) -> Path:
            return Path(__file__).parent.parent / str(path)

    return Luigi()


def answer() -> None:
    """Be asked from now on, after everybody else: where Luigi's own metadata are, they are found first."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.append(_Finder())  # type: ignore[arg-type, unused-ignore]
