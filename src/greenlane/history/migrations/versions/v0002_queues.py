"""The queues that shards pull files from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from greenlane.history.tables import filled, key

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table("queues", *key(sa.Text, "name"), *filled(sa.Text, "collection"), *filled(sa.Double, "made_at"))
    filling = (*filled(sa.Integer, "place"), *filled(sa.Text, "shard"), *filled(sa.SmallInteger, "done"))
    op.create_table("claims", *key(sa.Text, "queue file"), *filling)
    filling = (*filled(sa.Text, "life"), *filled(sa.BigInteger, "beat"), *filled(sa.SmallInteger, "closed"))
    op.create_table("claimers", *key(sa.Text, "queue shard"), *filling)


def downgrade() -> None:
    """Remove the tables."""
    for name in ("claimers", "claims", "queues"):
        op.drop_table(name)
