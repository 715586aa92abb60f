"""One server at one address: requests over connections that are kept, errors in our words."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from rumbo.errors import (
    AccessDenied,
    CommandRejected,
    ConfigurationError,
    ProtocolError,
    SchedulerUnreachable,
    WorkerGone,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROXY_ERRORS = (502, 503, 504)


class ServerDown(SchedulerUnreachable):
    """Nobody listens at the address, or the server says that it cannot work now: no work is given out by it."""


class NotThere(ProtocolError):
    """The server knows no such thing. The message is its own."""


class Connection:
    """A server, by its URL: ``http://host:port``, ``https://...``, or ``http+unix:///path/to/socket``.

    A socket whose server is known by a path of its own is written as ``http+unix://%2Fpath%2Fto%2Fsocket/path``.

    Args:
        url: with ``user:token@`` the token is sent as the password of basic authentication.
        token: sent as a bearer token.
        certificates: a file with the certificates to trust, for a server with its own.
    """

    def __init__(self, url: str, token: str = "", certificates: str = "") -> None:
        parts = urlsplit(url)
        is_unix = parts.scheme == "http+unix"
        if not (is_unix or parts.scheme in ("http", "https")) or not (parts.netloc or (is_unix and parts.path)):
            raise ConfigurationError(
                f"{url!r} is no address of a scheduler: write it like http://localhost:8082, or "
                "http+unix:///path/to/socket for a socket in the file system."
            )
        self.url = _without_password(url)
        self._base = parts.path.rstrip("/") if parts.netloc else ""
        self._headers: dict[str, str] = {}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif parts.password:
            self._headers.update(urllib3.make_headers(basic_auth=f"{parts.username}:{unquote(parts.password)}"))
        self._pool: HTTPConnectionPool
        if is_unix:
            self._pool = _UnixPool(unquote(parts.netloc.rpartition("@")[2] or parts.path))
        elif parts.scheme == "https":
            self._pool = urllib3.HTTPSConnectionPool(
                parts.hostname or "", parts.port or 443, maxsize=4, ca_certs=certificates or None
            )
        else:
            self._pool = HTTPConnectionPool(parts.hostname or "", parts.port or 80, maxsize=4)

    def request(
        self, method: str, path: str, body: bytes | None = None, timeout: float = 30.0, connect: float = 10.0
    ) -> bytes:
        """The body of the answer.

        Raises:
            ServerDown: nobody listens there, or it cannot work now.
            SchedulerUnreachable: no answer came in time, or the connection broke: nobody knows what happened there. Or
                it says that it was asked too often.
            AccessDenied: a token is missing or not good enough.
            WorkerGone, CommandRejected, ProtocolError: the server says no.
        """
        try:
            answer = self._pool.urlopen(
                method,
                self._base + path,
                body,
                {"Content-Type": "application/json", **self._headers},
                retries=False,
                timeout=urllib3.Timeout(connect=connect, read=timeout),
                preload_content=True,
            )
        except NewConnectionError as error:
            raise ServerDown(f"No scheduler answers at {self.url} ({_reason(error)}).") from error
        except (HTTPError, OSError) as error:
            raise SchedulerUnreachable(f"The connection to {self.url} broke ({_reason(error)}).") from error
        if answer.status < 300:
            return answer.data
        raise self._error(answer.status, answer.data)

    def ask(self, method: str, path: str, body: Any = None, query: Mapping[str, object] | None = None) -> Any:
        """The answer of the public API, from JSON; ``query`` without those that are None. Raises as `request`."""
        from urllib.parse import urlencode

        given = {name: value for name, value in (query or {}).items() if value is not None}
        where = path + (f"?{urlencode(given, doseq=True)}" if given else "")
        answer = self.request(method, where, None if body is None else json.dumps(body).encode())
        return json.loads(answer) if answer else None

    def _error(self, status: int, body: bytes) -> Exception:
        try:
            detail = str(json.loads(body)["detail"])
        except (ValueError, KeyError, TypeError):
            detail = ""
        if status in _PROXY_ERRORS:
            return ServerDown(detail or f"{self.url} cannot work now (HTTP {status}).")
        if status == 429:
            return SchedulerUnreachable(f"{self.url}: {detail or 'too many requests (HTTP 429).'}")
        if status in (401, 403):
            return AccessDenied(f"{self.url}: {detail or f'access denied (HTTP {status}).'}")
        if status == 410:
            gone = WorkerGone("")
            gone.args = (detail,)
            return gone
        if status == 409:
            return CommandRejected(detail)
        if detail:
            return (NotThere if status == 404 else ProtocolError)(f"{self.url}: {detail}")
        return ProtocolError(f"What answers at {self.url} is no Rumbo scheduler (HTTP {status}).")

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        """Connect to the socket in the file system."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        try:
            self.sock.connect(self._path)
        except OSError as error:
            self.sock.close()
            raise NewConnectionError(self, str(error)) from error


class _UnixPool(HTTPConnectionPool):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", maxsize=4)
        self._path = path

    def _new_conn(self) -> HTTPConnection:
        return _UnixConnection(self._path)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host).geturl()


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def path_part(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")
