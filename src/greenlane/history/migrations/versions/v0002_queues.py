"""The queues that shards pull files from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "queues",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
    )
    op.create_table(
        "claims",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("file", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("done", sa.SmallInteger, nullable=False),
    )
    op.create_table(
        "claimers",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("shard", sa.Text, primary_key=True),
        sa.Column("life", sa.Text, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.SmallInteger, nullable=False),
    )


def downgrade() -> None:
    """Remove the tables."""
    for name in ("claimers", "claims", "queues"):
        op.drop_table(name)
