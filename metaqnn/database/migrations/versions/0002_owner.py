"""Who writes a search."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the owner's name."""
    op.add_column("searches", sa.Column("owner", sa.Text(), nullable=True))
