"""Which shapes of the database this code knows, and the way from an older one to the newest.

Alembic and SQLAlchemy take more than half a second to import, so they are imported only when an older database must
be brought up to date. A new database is made from `schema.sql`; a test proves that both ways end in the same shape.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rumbo.errors import StoreError, StoreTooNew

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Engine

    from rumbo.store.database import Database

REVISIONS = ("0001", "0002", "0003", "0004")
"""All revisions, oldest first. The files of `migrations/versions` and the end of `schema.sql` must agree."""

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")


def version_of(db: sqlite3.Connection) -> str:
    """The revision that the database is at; empty for a database without any table.

    Raises:
        StoreError: there are tables, but they are not ours.
    """
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not names:
        return ""
    if "alembic_version" not in names:
        raise StoreError("it holds tables that Rumbo did not make")
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise StoreError("it does not say which version it is")
    return str(row[0])


def version_on_server(db: Database) -> str:
    """The same for our schema on a database server."""
    if db.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is None:
        return ""
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row is not None else ""


def check_version(version: str, path: str, way_out: str = "move the file away to begin a new history") -> None:
    """Refuse a revision that this code does not know.

    Raises:
        StoreTooNew: always for an unknown one, because revisions are only ever added.
    """
    if version not in REVISIONS:
        raise StoreTooNew(
            f"The history in {path} was written by a newer Rumbo: its version is {version!r}, and this Rumbo knows "
            f"{REVISIONS[-1]!r} and older. Upgrade Rumbo here, or {way_out}."
        )


def create(db: sqlite3.Connection) -> None:
    """Make all tables in an empty database, at the newest revision. The caller holds a transaction."""
    with open(os.path.join(os.path.dirname(__file__), "schema.sql"), encoding="utf-8") as file:
        for statement in file.read().split(";\n"):
            db.execute(statement)


def migrate(path: str) -> None:
    """Bring the database at ``path`` to the newest revision, in one transaction that others wait for."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 60})

    # The driver would begin and end transactions by its own rules, which leave changes of tables outside.
    @event.listens_for(engine, "connect")
    def _(driver: sqlite3.Connection, _record: object) -> None:
        driver.isolation_level = None

    @event.listens_for(engine, "begin")
    def _(connection: object) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    _upgrade(engine)


def migrate_on_server(url: str) -> None:
    """Make our tables on a database server, or bring them to the newest revision; others that want to do so wait.

    Raises:
        StoreError: that could not be done; nothing has changed.
    """
    import psycopg
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    from rumbo.store.postgres import HISTORY, name_of

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _(connection: object) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(1920298850, 2)")  # type: ignore[attr-defined]
        connection.exec_driver_sql(f"SET LOCAL search_path TO {HISTORY}")  # type: ignore[attr-defined]

    try:
        _upgrade(engine)
    except (SQLAlchemyError, psycopg.Error) as error:
        raise StoreError(
            f"The history in {name_of(url)} could not be brought up to date ({error}). It was left as it was."
        ) from error


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
