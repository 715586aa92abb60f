"""Markers in Redis."""

from rumbo.integrations.redis_store import RedisTarget

__all__ = ["RedisTarget"]
