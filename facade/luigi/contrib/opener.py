"""A target by its address: ``file://``, ``mock://``, ``s3://``."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from luigi.local_target import LocalTarget
from luigi.mock import MockTarget
from luigi.target import FileSystemException

__all__ = [
    "InvalidQuery",
    "LocalOpener",
    "MockOpener",
    "NoOpenerError",
    "Opener",
    "OpenerError",
    "OpenerRegistry",
    "OpenerTarget",
    "S3Opener",
    "opener",
]


class OpenerError(FileSystemException):
    """An address does not lead to a target."""


class NoOpenerError(OpenerError):
    """Nobody knows this kind of address."""


class InvalidQuery(OpenerError):
    """What follows the ``?`` is not understood."""


class Opener:
    """Makes targets of one kind of address."""

    names: ClassVar[list[str]] = []
    allowed_kwargs: ClassVar[dict[str, bool]] = {}
    """Names that may follow the ``?``, and whether their values are JSON."""
    filter_kwargs: ClassVar[bool] = True
    """Other names are left out."""

    @classmethod
    def conform_query(cls, query: str) -> dict[str, Any]:
        """The arguments that an address gives. A name without a value means true."""
        found = parse_qs(query, keep_blank_values=True)
        return {
            name: json.loads(values[0] or "true") if cls.allowed_kwargs.get(name) else values[0] or "true"
            for name, values in found.items()
            if name in cls.allowed_kwargs or not cls.filter_kwargs
        }

    @classmethod
    def get_target(
        cls, scheme: str, path: str, fragment: str, username: Any, password: Any, hostname: Any, port: Any,
        query: dict[str, Any], **kwargs: Any,
    ) -> Any:  # fmt: skip
        """The target of an address that was taken apart."""
        raise NotImplementedError(f"{cls.__name__} does not say how to make a target. Give it a get_target().")


class MockOpener(Opener):
    """``mock://foo/bar.txt``: in memory."""

    names = ["mock"]
    allowed_kwargs = {"is_tmp": True, "mirror_on_stderr": True, "format": False}

    @classmethod
    def get_target(
        cls, scheme: str, path: str, fragment: str, username: Any, password: Any, hostname: Any, port: Any,
        query: dict[str, Any], **kwargs: Any,
    ) -> Any:  # fmt: skip
        return MockTarget((hostname or "") + path, **{**query, **kwargs})


class LocalOpener(Opener):
    """``file://relative/path``, ``file:///absolute/path``, or a path alone: on this machine."""

    names = ["file"]
    allowed_kwargs = {"is_tmp": True, "format": False}

    @classmethod
    def get_target(
        cls, scheme: str, path: str, fragment: str, username: Any, password: Any, hostname: Any, port: Any,
        query: dict[str, Any], **kwargs: Any,
    ) -> Any:  # fmt: skip
        return LocalTarget((hostname or "") + path, **{**query, **kwargs})


class S3Opener(Opener):
    """``s3://bucket/key``: in S3; what follows a ``?`` goes to its client."""

    names = ["s3", "s3n"]
    allowed_kwargs = {"format": False, "client": True}
    filter_kwargs = False

    @classmethod
    def get_target(
        cls, scheme: str, path: str, fragment: str, username: Any, password: Any, hostname: Any, port: Any,
        query: dict[str, Any], **kwargs: Any,
    ) -> Any:  # fmt: skip
        target = import_module("luigi.contrib.s3").S3Target
        return target(f"{scheme}://{hostname}{path}", **{**query, **kwargs})


class OpenerRegistry:
    """Finds the opener of an address.

    Args:
        openers: those that are known.
    """

    def __init__(self, openers: Any = None) -> None:
        self.registry: dict[str, Any] = {}
        self.default_opener = "file"
        for one in openers or ():
            self.add(one)

    def get_opener(self, name: str) -> Any:
        """The opener of addresses that begin so."""
        if name not in self.registry:
            known = ", ".join(self.registry)
            raise NoOpenerError(f"No opener for {name}: there is {known}.")
        return self.registry[name]

    def add(self, opener: Any) -> None:
        """Know an opener, instead of those that had its names."""
        for name in opener.names:
            self.registry[name] = opener

    def open(self, target_uri: str, **kwargs: Any) -> Any:
        """The target of an address.

        Args:
            target_uri: the address.
            kwargs: further arguments of the target.
        """
        parts = urlsplit(target_uri, scheme=self.default_opener)
        found = self.get_opener(parts.scheme)
        target = found.get_target(
            parts.scheme, parts.path, parts.fragment, parts.username, parts.password, parts.hostname, parts.port,
            found.conform_query(parts.query), **kwargs,
        )  # fmt: skip
        target.opener_path = target_uri
        return target


opener = OpenerRegistry([MockOpener, LocalOpener, S3Opener])
OpenerTarget = opener.open
