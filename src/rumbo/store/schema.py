"""The shape of the database for SQLAlchemy: what Alembic compares with, and what other databases are made from.

Importing this takes a third of a second, so nothing on the way of a local run does. `schema.sql` says the same for
SQLite, and a test holds the two and the migrations together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import REAL, TypeEngine

metadata = MetaData()

_Key: TypeEngine[int] = Integer().with_variant(BigInteger(), "postgresql")
_Time: TypeEngine[float] = REAL().with_variant(Float(53), "postgresql")
"""Seconds since the epoch: eight bytes in both databases, though REAL has only four in PostgreSQL."""

_Name: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared byte by byte, as SQLite does it."""

_TROUBLED = text("state > 4")
_WENT_WRONG = text("outcome > 0")
_SLOW = text("seconds >= 1")


families = Table(
    "families",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", _Name, nullable=False),
    Column("module", _Name, nullable=False),
    UniqueConstraint("name", "module", name="families_name"),
)

workers = Table(
    "workers",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", _Name, nullable=False),
    UniqueConstraint("name", name="workers_name"),
)

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", _Name, nullable=False),
    Column("roots", Text, nullable=False, comment="JSON: ids of the tasks asked for"),
    Column("command", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process", Text, nullable=False, comment="tells this process from later ones with the same pid"),
    Column("folder", Text, nullable=False),
    Column("workers", Integer, nullable=False),
    Column("started", _Time, nullable=False),
    Column("ended", _Time),
    Column("status", Text, nullable=False, comment="running, or as the run ended"),
    Column("summary", Text, nullable=False),
    Column("counts", Text, nullable=False, comment="JSON: how many tasks of each kind, once it ended"),
    UniqueConstraint("id", name="runs_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", _Name, nullable=False),
    Column("family", Integer, ForeignKey("families.number"), nullable=False),
    Column("params", Text, nullable=False, comment="JSON: public parameters, serialised"),
    UniqueConstraint("id", name="tasks_id"),
)

run_tasks = Table(
    "run_tasks",
    metadata,
    Column("key", _Key, primary_key=True, autoincrement=False, comment="(run << 28) + place in the plan, from 0"),
    Column("task", Integer, ForeignKey("tasks.number"), nullable=False),
    Column("state", Integer, nullable=False, comment="rumbo.scheduler.records.State"),
    Column("verdict", Text, nullable=False, comment="run, skip, wait or broken"),
    Column("reason", Text, nullable=False),
    Column("dependencies", Text, nullable=False, comment="places: '3,5,8', or '0-99' for all from 0 to 99"),
    Column("error", Text),
    Column("priority", REAL),
    Column("dynamic", Integer, comment="1: asked for by a running task"),
    Column("due", _Time, comment="when it is tried again, or enabled again"),
    Column("outputs", Text, comment="of a complete task that nothing here makes: as in attempts"),
    Index("run_tasks_story", "task"),
    Index("run_tasks_trouble", "state", sqlite_where=_TROUBLED, postgresql_where=_TROUBLED),
)

attempts = Table(
    "attempts",
    metadata,
    Column("key", _Key, primary_key=True, autoincrement=False, comment="(key in run_tasks << 14) + number, from 1"),
    Column("worker", Integer, ForeignKey("workers.number"), nullable=False),
    Column("outcome", Integer, comment="rumbo.scheduler.records.Outcome; null while it runs"),
    Column("started", _Time, nullable=False),
    Column("seconds", REAL, comment="null while it runs"),
    Column("message", Text, comment="what went wrong, with the traceback"),
    Column("log", Text, comment="file of what it printed, relative to the folder of the database"),
    Column("status", Text, comment="its last status message"),
    Column("progress", REAL),
    Column("tracking_url", Text),
    Column("outputs", Text, comment="JSON: address, bytes, time of each thing it made; how many more in the end"),
    Index("attempts_trouble", "started", sqlite_where=_WENT_WRONG, postgresql_where=_WENT_WRONG),
    Index("attempts_slow", "seconds", sqlite_where=_SLOW, postgresql_where=_SLOW),
)

durations = Table(
    "durations",
    metadata,
    Column("family", Integer, ForeignKey("families.number"), nullable=False),
    Column("hour", Integer, nullable=False, comment="in which the attempts ended: hours since the epoch"),
    Column("outcome", Integer, nullable=False),
    Column("octave", Integer, nullable=False, comment="n: they took from 2**(n-1) to 2**n seconds"),
    Column("attempts", Integer, nullable=False),
    Column(
        "seconds", _Time, nullable=False, comment="of several octaves together: only the sum over all means something"
    ),
    Column("slowest", REAL, nullable=False, comment="likewise: only the maximum over all"),
    PrimaryKeyConstraint("family", "hour", "outcome", "octave"),
    sqlite_with_rowid=False,
)

bookmarks = Table(
    "bookmarks",
    metadata,
    Column("journal", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, comment="of its last entry that has become history"),
)
