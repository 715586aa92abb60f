"""The history of tasks in a database, in Luigi's tables, for those who read them.

The central scheduler keeps it when ``[scheduler] record_task_history`` is on; ``[task_history] db_connection`` says
where, as a URL of SQLAlchemy. Rumbo's own history (`rumbo history`) knows more, and needs no database of yours.
"""

from __future__ import annotations

import datetime
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    attribute_keyed_dict,
    mapped_column,
    relationship,
    sessionmaker,
)

from luigi import configuration, task_history
from luigi.task_status import DONE, FAILED, PENDING, RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

logger = logging.getLogger("luigi-interface")


class Base(DeclarativeBase):
    """What the tables have in common."""


class TaskParameter(Base):
    """A parameter of a task, as text."""

    __tablename__ = "task_parameters"
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[str | None] = mapped_column(Text)

    def __repr__(self) -> str:
        return f"TaskParameter(task_id={self.task_id}, name={self.name}, value={self.value})"


class TaskEvent(Base):
    """Something that happened to a task: PENDING, RUNNING, DONE or FAILED, and when, in UTC."""

    __tablename__ = "task_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"), index=True)
    event_name: Mapped[str | None] = mapped_column(String(20))
    ts: Mapped[datetime.datetime] = mapped_column(sqlalchemy.TIMESTAMP, index=True)
    task: Mapped[TaskRecord] = relationship(back_populates="events")

    def __repr__(self) -> str:
        return f"TaskEvent(task_id={self.task_id}, event_name={self.event_name}, ts={self.ts})"


class TaskRecord(Base):
    """A task, with its parameters by name and its events, the latest first."""

    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[str | None] = mapped_column(String(200), index=True)
    name: Mapped[str | None] = mapped_column(String(128), index=True)
    host: Mapped[str | None] = mapped_column(String(128))
    parameters: Mapped[dict[str, TaskParameter]] = relationship(
        collection_class=attribute_keyed_dict("name"), cascade="all, delete-orphan"
    )
    events: Mapped[list[TaskEvent]] = relationship(
        order_by="(TaskEvent.ts.desc(), TaskEvent.id.desc())", back_populates="task"
    )

    def __repr__(self) -> str:
        return f"TaskRecord(name={self.name}, host={self.host})"


class DbTaskHistory(task_history.TaskHistory):
    """A history in the database that ``[task_history] db_connection`` names. Missing tables are made."""

    CURRENT_SOURCE_VERSION = 1

    def __init__(self) -> None:
        url = configuration.get_config().get("task_history", "db_connection")
        self.engine = sqlalchemy.create_engine(url)
        self.session_factory = sessionmaker(bind=self.engine, expire_on_commit=False)
        Base.metadata.create_all(self.engine)
        _add_what_is_missing(self.engine)
        self.tasks: dict[str, task_history.StoredTask] = {}

    # -- what happens -------------------------------------------------------------------------------------------------

    def task_scheduled(self, task: Any) -> None:
        """A worker described the task."""
        self._happened(task, PENDING)

    def task_started(self, task: Any, worker_host: Any) -> None:
        """A worker was given the task."""
        self._happened(task, RUNNING, worker_host)

    def task_finished(self, task: Any, successful: bool) -> None:
        """An attempt at the task ended."""
        self._happened(task, DONE if successful else FAILED)

    def _happened(self, task: Any, status: str, host: str | None = None) -> None:
        known = self.tasks.get(task.id)
        if known is None:
            known = self.tasks[task.id] = task_history.StoredTask(task, status, host)
        known.status = status
        known.host = host or known.host
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        with self._session() as session:
            record = self._record_of(known, session)
            record.host = known.host
            record.events.append(TaskEvent(event_name=status, ts=now))
            session.flush()
            known.record_id = record.id

    def _record_of(self, known: task_history.StoredTask, session: Session) -> TaskRecord:
        """The row of a task; a new one for a task that this process has not written yet."""
        if known.record_id is not None:
            return session.get_one(TaskRecord, known.record_id)
        record = TaskRecord(task_id=known._task.id, name=known.task_family)
        for name, value in known.parameters.items():
            record.parameters[name] = TaskParameter(name=name, value=str(value))
        session.add(record)
        return record

    # -- what people ask ----------------------------------------------------------------------------------------------
    # Each takes a session whose rows shall still be read, and makes one for itself otherwise.

    def find_all_by_parameters(
        self, task_name: str, session: Session | None = None, **task_params: Any
    ) -> Iterator[TaskRecord]:
        """The tasks of a family with these values, the one that something happened to first at the front."""
        query = select(TaskRecord).join(TaskEvent).where(TaskRecord.name == task_name)
        for name, value in task_params.items():
            parameter = aliased(TaskParameter)
            query = query.join(parameter, TaskRecord.parameters.of_type(parameter))
            query = query.where(parameter.name == name, parameter.value == str(value))
        with self._session(session) as each:
            yield from each.scalars(query.order_by(TaskEvent.ts)).unique()

    def find_all_by_name(self, task_name: str, session: Session | None = None) -> Iterator[TaskRecord]:
        """The tasks of a family."""
        return self.find_all_by_parameters(task_name, session)

    def find_latest_runs(self, session: Session | None = None) -> Sequence[TaskRecord]:
        """The tasks that something happened to within a day, the latest first."""
        yesterday = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(days=1)
        query = select(TaskRecord).join(TaskEvent).where(TaskEvent.ts >= yesterday).order_by(TaskEvent.ts.desc())
        with self._session(session) as each:
            return each.scalars(query).unique().all()

    def find_all_runs(self, session: Session | None = None) -> Sequence[TaskRecord]:
        """All tasks."""
        with self._session(session) as each:
            return each.scalars(select(TaskRecord)).all()

    def find_all_events(self, session: Session | None = None) -> Sequence[TaskEvent]:
        """All that happened."""
        with self._session(session) as each:
            return each.scalars(select(TaskEvent)).all()

    def find_task_by_id(self, id: int, session: Session | None = None) -> TaskRecord | None:
        """The task with a number of its row."""
        with self._session(session) as each:
            return each.get(TaskRecord, id)

    def find_task_by_task_id(self, task_id: str, session: Session | None = None) -> TaskRecord:
        """The latest row of the task with this id. ``IndexError`` when there is none."""
        with self._session(session) as each:
            return each.scalars(select(TaskRecord).where(TaskRecord.task_id == task_id)).all()[-1]

    @contextmanager
    def _session(self, session: Session | None = None) -> Iterator[Session]:
        """The session that is given, or one of our own that ends with the block."""
        if session is not None:
            yield session
            return
        with self.session_factory.begin() as own:
            yield own


def _add_what_is_missing(engine: sqlalchemy.Engine) -> None:
    """Bring tables of old versions of Luigi up to date: they had no ids of tasks, and short values."""
    inspector = sqlalchemy.inspect(engine)
    with engine.begin() as connection:
        if "task_id" not in [column["name"] for column in inspector.get_columns("tasks")]:
            logger.warning("Upgrading DbTaskHistory schema: Adding tasks.task_id")
            connection.execute(sqlalchemy.text("ALTER TABLE tasks ADD COLUMN task_id VARCHAR(200)"))
            connection.execute(sqlalchemy.text("CREATE INDEX ix_task_id ON tasks (task_id)"))
        kinds = {column["name"]: str(column["type"]) for column in inspector.get_columns("task_parameters")}
        alter = _WIDER.get(engine.dialect.name)
        if alter and not kinds["value"].startswith("TEXT"):
            connection.execute(sqlalchemy.text(alter))


_WIDER = {
    "mysql": "ALTER TABLE task_parameters MODIFY COLUMN value TEXT",
    "mariadb": "ALTER TABLE task_parameters MODIFY COLUMN value TEXT",
    "mssql": "ALTER TABLE task_parameters ALTER COLUMN value TEXT",
    "postgresql": "ALTER TABLE task_parameters ALTER COLUMN value TYPE TEXT",
}
"""By kind of database: how values become as long as they like. SQLite never minded their length."""
