"""The process that writes a search."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the owner's name."""
    op.add_column("searches", sa.Column("owner", sa.Text(), nullable=True))
