"""Lets Luigi's tests say what SQLAlchemy 2 no longer understands: `engine.execute(...)` and `select([...])`.

Luigi needs SQLAlchemy 1, and the tests of luigi.contrib.sqla are written for it; Rumbo needs 2. What is tested does not
use these: they are words of the tests alone.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy

_select = sqlalchemy.select


def execute(engine: sqlalchemy.Engine, statement: Any) -> None:
    """Carry out a statement in a transaction of its own."""
    with engine.begin() as connection:
        connection.execute(statement)


def select(*columns: Any) -> Any:
    """A query; its columns may be given as one list."""
    return _select(*(columns[0] if isinstance(columns[0], list) else columns))


if not hasattr(sqlalchemy.engine.Engine, "execute"):
    sqlalchemy.engine.Engine.execute = execute
    sqlalchemy.select = select
