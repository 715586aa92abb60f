"""Markers in Redis: a hash for each piece of work that is done, which may expire."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rumbo.errors import MissingExtraError
from rumbo.pipeline.config import get_config
from rumbo.pipeline.target import Target

if TYPE_CHECKING:
    import redis

__all__ = ["RedisTarget"]

_TRIES = 3
_SOCKET_TIMEOUT = 10.0


class _Prefix:
    """``[redis] marker_prefix`` of the configuration, read when it is needed."""

    def __get__(self, target: Any, owner: type) -> str:
        prefix: str = get_config().get("redis", "marker_prefix", "luigi")
        return prefix


class RedisTarget(Target):
    """A marker in Redis.

    Args:
        host: the server.
        port: its port.
        db: number of the database there.
        update_id: what the work is known by.
        password: for the server. It is shown nowhere.
        socket_timeout: seconds after which a server that does not answer counts as gone; 10 if None.
        expire: seconds after which the work counts as not done again.
    """

    marker_prefix: Any = _Prefix()

    def __init__(
        self,
        host: str,
        port: int,
        db: int,
        update_id: str,
        password: str | None = None,
        socket_timeout: float | None = None,
        expire: int | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.db = db
        self.update_id = update_id
        self.password = password
        self.socket_timeout = socket_timeout
        self.expire = expire

    def __str__(self) -> str:
        return self.marker_key()

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.host}:{self.port}/{self.db}', {self.update_id!r})"

    @cached_property
    def redis_client(self) -> redis.Redis:
        """The connection; a server that cannot be reached is tried again."""
        try:
            import redis
        except ImportError:
            raise MissingExtraError("Redis", "redis") from None
        from redis.backoff import ExponentialBackoff
        from redis.retry import Retry

        timeout = _SOCKET_TIMEOUT if self.socket_timeout is None else self.socket_timeout
        return redis.Redis(
            host=self.host,
            port=self.port,
            db=self.db,
            password=self.password,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(ExponentialBackoff(cap=2, base=0.1), _TRIES),
            retry_on_error=[redis.exceptions.ConnectionError, redis.exceptions.TimeoutError],
        )

    def marker_key(self) -> str:
        """The marker's key."""
        return f"{self.marker_prefix}:{self.update_id}"

    def touch(self) -> None:
        """Write the marker."""
        key = self.marker_key()
        with self.redis_client.pipeline(transaction=True) as together:
            together.hset(key, mapping={"update_id": self.update_id, "date": dt.datetime.now().isoformat()})
            if self.expire is not None:
                together.expire(key, self.expire)
            together.execute()

    def exists(self) -> bool:
        """Whether the marker is there."""
        return bool(self.redis_client.exists(self.marker_key()))

    def modified(self) -> float | None:
        """When it was written, in seconds since the epoch."""
        moment: Any = self.redis_client.hget(self.marker_key(), "date")
        return None if moment is None else dt.datetime.fromisoformat(moment.decode()).timestamp()

    def remove(self) -> None:
        """Let the work count as not done."""
        self.redis_client.delete(self.marker_key())
