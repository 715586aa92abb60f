"""What PostgreSQL needs beside the tables. SQLite has both by itself.

Ids and names are compared byte by byte, whatever the database's language, and there is a function that gives the values
of a JSON array as rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BY_BYTES = (("runs", "id"), ("tasks", "id"), ("families", "name"), ("families", "module"), ("workers", "name"))
_EACH = """
CREATE FUNCTION rumbo_each(list TEXT) RETURNS TABLE (key BIGINT, value TEXT) LANGUAGE SQL IMMUTABLE AS
$$ SELECT ordinality - 1, value FROM json_array_elements_text(list::JSON) WITH ORDINALITY AS each (value, ordinality) $$
"""


def upgrade() -> None:
    """Add them."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in _BY_BYTES:
        op.alter_column(table, column, type_=sa.Text(collation="C"))
    op.execute(_EACH)
