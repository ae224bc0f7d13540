"""How many images of each class a search began with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the numbers of images, which are not known for older searches."""
    op.add_column("searches", sa.Column("images", sa.JSON(), nullable=True))
