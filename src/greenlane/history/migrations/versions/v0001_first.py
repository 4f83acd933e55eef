"""The first schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# As tables.py had them then: what it says today may change, and the past does not.
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def filled(kind: Any, names: str) -> Iterator[sa.Column[Any]]:
    """Yield columns of one type that always hold something, by their names."""
    return (sa.Column(name, kind, nullable=False) for name in names.split())


def key(kind: Any, names: str) -> Iterator[sa.Column[Any]]:
    """Yield the columns of a primary key that nobody counts up."""
    return (sa.Column(name, kind, primary_key=True, autoincrement=False) for name in names.split())


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
        sa.Column("key", sa.Text, nullable=False, unique=True),
        *filled(sa.Text, "run_id lane shard kind tree machine source broken"),
        *filled(sa.BigInteger, "seed"),
        *filled(sa.Double, "started_at seconds"),
        *filled(sa.Integer, "tests failed"),
    )
    op.create_index("runs_by_tree", "runs", ["tree", "lane"])
    op.create_index("runs_by_time", "runs", ["started_at"])
    op.create_table(
        "tests",
        sa.Column("id", NUMBER, primary_key=True),
        *filled(sa.Text, "lane test"),
        sa.Column("seconds", sa.Double),
        *filled(sa.Double, "seen_at"),
        sa.UniqueConstraint("lane", "test", name="tests_by_name"),
    )


def _outcomes() -> None:
    filling = (*filled(sa.SmallInteger, "outcome both"), *filled(sa.Double, "seconds"))
    op.create_table("outcomes", *key(NUMBER, "test_id run_id"), *filling, sqlite_with_rowid=False)
    op.create_index("outcomes_by_run", "outcomes", ["run_id"])
    filling = (*filled(sa.Double, "at"), *filled(sa.Text, "cause"))
    op.create_table("failures", *key(NUMBER, "run_id test_id"), *filling, sqlite_with_rowid=False)
    op.create_index("failures_by_time", "failures", ["at"])
    op.create_index("failures_by_test", "failures", ["test_id"])


def _sums() -> None:
    keys = (*key(NUMBER, "test_id"), *key(sa.Integer, "day"))
    filling = (*filled(sa.Integer, "passed failed other"), *filled(sa.Double, "seconds"))
    op.create_table("days", *keys, *filling, sqlite_with_rowid=False)
    keys = (*key(sa.Text, "lane"), *key(sa.Integer, "day"))
    filling = (*filled(sa.Integer, "runs broken red passed failed other"), *filled(sa.Double, "seconds"))
    op.create_table("lane_days", *keys, *filling, sqlite_with_rowid=False)
