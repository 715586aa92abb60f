"""Bookmarks: how far a server's journal has become history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "bookmarks",
        sa.Column("journal", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
