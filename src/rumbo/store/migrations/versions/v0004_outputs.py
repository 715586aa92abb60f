"""What attempts made, and what was there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("run_tasks", sa.Column("outputs", sa.Text))
    op.add_column("attempts", sa.Column("outputs", sa.Text))
