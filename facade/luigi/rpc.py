"""The client of a central scheduler: Luigi's dialect over HTTP."""

from __future__ import annotations

import importlib
import json
import logging
import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urljoin, urlparse

from luigi import configuration
from luigi.scheduler import RPC_METHODS, by_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.request import Request

logger = logging.getLogger("luigi-interface")


def _urljoin(base: str, url: str) -> str:
    """A path below an address, whatever the address's scheme (``http+unix`` too) and path."""
    parsed = urlparse(base)
    path = parsed.path + (url if url.startswith("/") else f"/{url}")
    joined = urljoin(parsed._replace(scheme="http").geturl(), path)
    return urlparse(joined)._replace(scheme=parsed.scheme).geturl()


class RPCError(Exception):
    """The central scheduler did not answer, or not as it should.

    Attributes:
        sub_exception: what went wrong underneath.
    """

    def __init__(self, message: str, sub_exception: BaseException | None = None) -> None:
        super().__init__(message)
        self.sub_exception = sub_exception


class URLLibFetcher:
    """Asks by the standard library."""

    raises: Any = (OSError,)  # URLError is one, and a timeout too

    def _create_request(self, full_url: str, body: Any = None) -> Request:
        """A request; a name and password in the address become a header."""
        from urllib.request import Request  # slow to import, and only needed with a server

        url = urlparse(full_url)
        request = Request(full_url)
        if url.username:
            import base64

            request = Request(url._replace(netloc=url.netloc.split("@", 1)[-1]).geturl())
            credentials = base64.b64encode(f"{url.username}:{url.password or ''}".encode()).decode()
            request.add_header("Authorization", f"Basic {credentials}")
        if body:
            request.data = urlencode(body).encode()
        return request

    def fetch(self, full_url: str, body: Any, timeout: float) -> str:
        """What the address answers."""
        from urllib.request import urlopen

        with urlopen(self._create_request(full_url, body), timeout=timeout) as answer:
            text: str = answer.read().decode()
        return text

    def close(self) -> None:
        """Nothing is held."""


class RequestsFetcher:
    """Asks by the library requests, which knows proxies and certificates."""

    def __init__(self) -> None:
        self._library = importlib.import_module("requests")
        self.raises: Any = self._library.exceptions.RequestException
        self.session = self._library.Session()
        self.process_id = os.getpid()

    def check_pid(self) -> None:
        """A forked process needs a session of its own."""
        if os.getpid() != self.process_id:
            self.session = self._library.Session()
            self.process_id = os.getpid()

    def fetch(self, full_url: str, body: Any, timeout: float) -> str:
        """What the address answers."""
        self.check_pid()
        answer = self.session.post(full_url, data=body, timeout=timeout)
        answer.raise_for_status()
        text: str = answer.text
        return text

    def close(self) -> None:
        """Let connections go."""
        self.session.close()


class UnixSocketFetcher:
    """Asks at a socket in the file system: ``http+unix://%2Frun%2Fluigid.sock``. Luigi needs a plugin for that."""

    raises: Any = (OSError,)

    def fetch(self, full_url: str, body: Any, timeout: float) -> str:
        """What the address answers."""
        import http.client
        import socket

        url = urlparse(full_url)
        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(timeout)
        try:
            connection.sock.connect(unquote(url.netloc))
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", url.path, urlencode(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except http.client.HTTPException as error:
            raise OSError(f"{full_url} does not speak HTTP: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise OSError(f"{full_url} answered {answer.status} {answer.reason}")
        return text

    def close(self) -> None:
        """Nothing is held."""


HAS_UNIX_SOCKET = True
"""Whether sockets in the file system can be asked."""

HAS_REQUESTS = True
"""Programs set it to False to go without the library requests, though it is there."""


def _fetcher(url: str) -> Any:
    if url.startswith("http+unix:"):
        return UnixSocketFetcher()
    if HAS_REQUESTS:
        try:
            return RequestsFetcher()
        except ImportError:
            pass  # what Python has does as well
    return URLLibFetcher()


class RemoteScheduler:
    """Stands for the scheduler at an address: each of the dialect's methods asks there.

    Args:
        url: the address.
        connect_timeout: seconds to wait for an answer; by default ``[core] rpc_connect_timeout``.
    """

    def __init__(self, url: str = "http://localhost:8082/", connect_timeout: float | None = None) -> None:
        config = configuration.get_config()
        self._url = url.rstrip("/")
        self._connect_timeout = (
            config.getfloat("core", "rpc_connect_timeout", 10.0) if connect_timeout is None else connect_timeout
        )
        self._rpc_retry_attempts = config.getint("core", "rpc_retry_attempts", 3)
        self._rpc_retry_wait = config.getint("core", "rpc_retry_wait", 30)
        self._rpc_log_retries = config.getboolean("core", "rpc_log_retries", True)
        self._fetcher = _fetcher(self._url)

    def close(self) -> None:
        """Let connections go."""
        self._fetcher.close()

    def _fetch(self, url_suffix: str, body: Any) -> str:
        """What a path below the address answers, asked a few times if need be."""
        full_url = _urljoin(self._url, url_suffix)
        for attempt in range(1, self._rpc_retry_attempts + 1):
            try:
                text: str = self._fetcher.fetch(full_url, body, self._connect_timeout)
            except self._fetcher.raises as error:
                self._log_retry(attempt)
                if attempt == self._rpc_retry_attempts:
                    raise RPCError(
                        f"Errors ({attempt} attempts) when connecting to remote scheduler {self._url!r}", error
                    ) from error
                time.sleep(self._rpc_retry_wait)
            else:
                return text
        raise RPCError(f"[core] rpc_retry_attempts is {self._rpc_retry_attempts}, so {self._url!r} is never asked.")

    def _log_retry(self, attempt: int) -> None:
        if not self._rpc_log_retries:
            return
        logger.warning("Failed connecting to remote scheduler %r", self._url, exc_info=True)
        if attempt < self._rpc_retry_attempts:
            logger.info(f"Retrying attempt {attempt + 1} of {self._rpc_retry_attempts} (max)")
            logger.info(f"Wait for {self._rpc_retry_wait} seconds")

    def _request(self, url: str, data: Any, attempts: int = 3, allow_null: bool = True) -> Any:
        """What a method answers; one that may not answer null is asked again when it does."""
        body = {"data": json.dumps(data)}
        for _ in range(attempts):
            response = json.loads(self._fetch(url, body))["response"]
            if allow_null or response is not None:
                return response
        raise RPCError(f"Received null response from remote scheduler {self._url!r}")


_OPTIONS: dict[str, dict[str, Any]] = {"get_work": {"allow_null": False}, "ping": {"attempts": 1}}
"""How the client asks for some of the methods."""


def _asked(name: str) -> Callable[..., Any]:
    return by_name(name, lambda remote, arguments: remote._request(f"/api/{name}", arguments, **_OPTIONS.get(name, {})))


for _name in RPC_METHODS:
    setattr(RemoteScheduler, _name, _asked(_name))
