"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _runs_and_tests()
    _outcomes()
    _sums()


def downgrade() -> None:
    """Remove the tables."""
    for name in ("lane_days", "days", "failures", "outcomes", "tests", "runs"):
        op.drop_table(name)


def _runs_and_tests() -> None:
    op.create_table(
        "runs",
        sa.Column("id", NUMBER, primary_key=True),
        *(
            sa.Column(name, sa.Text, nullable=False, unique=name == "key")
            for name in ("key", "run_id", "lane", "shard", "kind", "tree", "machine", "source", "broken")
        ),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("tests", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
    )
    op.create_index("runs_by_tree", "runs", ["tree", "lane"])
    op.create_index("runs_by_time", "runs", ["started_at"])
    op.create_table(
        "tests",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("test", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.UniqueConstraint("lane", "test", name="tests_by_name"),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("test_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("run_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("both", sa.SmallInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("outcomes_by_run", "outcomes", ["run_id"])
    op.create_table(
        "failures",
        sa.Column("run_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("test_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("failures_by_time", "failures", ["at"])
    op.create_index("failures_by_test", "failures", ["test_id"])


def _sums() -> None:
    op.create_table(
        "days",
        sa.Column("test_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("passed", "failed", "other")),
        sa.Column("seconds", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lane_days",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("runs", "broken", "red", "passed", "failed", "other")
        ),
        sa.Column("seconds", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
