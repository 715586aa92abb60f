"""The first shape: families, runs, tasks, tasks of a run, attempts, durations.

Frozen: a later shape is a later file. It is written with its own words and not taken from `schema.py`, which moves on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY: sa.types.TypeEngine[int] = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TIME: sa.types.TypeEngine[float] = sa.REAL().with_variant(sa.Float(53), "postgresql")
_TROUBLED = sa.text("state > 4")
_WENT_WRONG = sa.text("outcome > 0")
_SLOW = sa.text("seconds >= 1")


def upgrade() -> None:
    """Make all tables in an empty database."""
    _families_runs_and_tasks()
    _tasks_of_a_run()
    _attempts()
    _durations()


def _families_runs_and_tasks() -> None:
    op.create_table(
        "families",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("module", sa.Text, nullable=False),
        sa.UniqueConstraint("name", "module", name="families_name"),
    )
    op.create_table(
        "workers",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.UniqueConstraint("name", name="workers_name"),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("roots", "command", "host", "user")),
        sa.Column("pid", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("process", "folder")),
        sa.Column("workers", sa.Integer, nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("ended", _TIME),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("status", "summary", "counts")),
        sa.UniqueConstraint("id", name="runs_id"),
    )
    op.create_table(
        "tasks",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("family", sa.Integer, sa.ForeignKey("families.number"), nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="tasks_id"),
    )


def _tasks_of_a_run() -> None:
    op.create_table(
        "run_tasks",
        sa.Column("key", _KEY, primary_key=True, autoincrement=False),
        sa.Column("task", sa.Integer, sa.ForeignKey("tasks.number"), nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("verdict", "reason", "dependencies")),
        sa.Column("error", sa.Text),
        sa.Column("priority", sa.REAL),
        sa.Column("dynamic", sa.Integer),
        sa.Column("due", _TIME),
    )
    op.create_index("run_tasks_story", "run_tasks", ["task"])
    op.create_index("run_tasks_trouble", "run_tasks", ["state"], sqlite_where=_TROUBLED, postgresql_where=_TROUBLED)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", _KEY, primary_key=True, autoincrement=False),
        sa.Column("worker", sa.Integer, sa.ForeignKey("workers.number"), nullable=False),
        sa.Column("outcome", sa.Integer),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("seconds", sa.REAL),
        *(sa.Column(name, sa.Text) for name in ("message", "log", "status")),
        sa.Column("progress", sa.REAL),
        sa.Column("tracking_url", sa.Text),
    )
    op.create_index("attempts_trouble", "attempts", ["started"], sqlite_where=_WENT_WRONG, postgresql_where=_WENT_WRONG)
    op.create_index("attempts_slow", "attempts", ["seconds"], sqlite_where=_SLOW, postgresql_where=_SLOW)


def _durations() -> None:
    op.create_table(
        "durations",
        sa.Column("family", sa.Integer, sa.ForeignKey("families.number"), nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("octave", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("seconds", _TIME, nullable=False),
        sa.Column("slowest", sa.REAL, nullable=False),
        sa.PrimaryKeyConstraint("family", "hour", "outcome", "octave"),
        sqlite_with_rowid=False,
    )
