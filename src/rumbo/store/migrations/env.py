"""How Alembic runs our migrations: on the connection it is given, in one transaction."""

from __future__ import annotations

from alembic import context

from rumbo.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes columns by copying the table
    transactional_ddl=False,  # the caller began the transaction, and ends it
)
context.run_migrations()
