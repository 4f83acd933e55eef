"""The tables. Outcomes are narrow rows in the order in which they are asked for; what is asked often is summed up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Of a run or a test. PostgreSQL takes a new one for each attempt to add a test that is there already."""


def filled(kind: Any, names: str) -> Iterator[sa.Column[Any]]:
    """Yield columns of one type that always hold something, by their names."""
    return (sa.Column(name, kind, nullable=False) for name in names.split())


def key(kind: Any, names: str) -> Iterator[sa.Column[Any]]:
    """Yield the columns of a primary key that nobody counts up."""
    return (sa.Column(name, kind, primary_key=True, autoincrement=False) for name in names.split())


RUNS = sa.Table(
    "runs", METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    *filled(sa.Text, "run_id lane shard kind tree machine"),
    *filled(sa.BigInteger, "seed"), *filled(sa.Text, "source"), *filled(sa.Double, "started_at seconds"),
    *filled(sa.Text, "broken"), *filled(sa.Integer, "tests failed"),
    sa.Index("runs_by_tree", "tree", "lane"),
    sa.Index("runs_by_time", "started_at"),
)  # fmt: skip
"""One row for each lane or shard that ran; `key` makes recording idempotent."""

TESTS = sa.Table(
    "tests", METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    *filled(sa.Text, "lane test"), sa.Column("seconds", sa.Double), *filled(sa.Double, "seen_at"),
    sa.UniqueConstraint("lane", "test", name="tests_by_name"),
)  # fmt: skip
"""Every test that was ever seen, with its typical duration: an exponential mean over passes, for the shards."""

OUTCOMES = sa.Table(
    "outcomes", METADATA,
    *key(NUMBER, "test_id run_id"), *filled(sa.SmallInteger, "outcome both"), *filled(sa.Double, "seconds"),
    sa.Index("outcomes_by_run", "run_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""One row for each test of each run. No foreign keys: both sides are filled, and pruned, in one transaction."""

FAILURES = sa.Table(
    "failures", METADATA,
    *key(NUMBER, "run_id test_id"), *filled(sa.Double, "at"), *filled(sa.Text, "cause"),
    sa.Index("failures_by_time", "at"),
    sa.Index("failures_by_test", "test_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""The outcomes of sound runs that may be half of a flake: failures, and tests that were run again and differed."""

DAYS = sa.Table(
    "days", METADATA,
    *key(NUMBER, "test_id"), *key(sa.Integer, "day"),
    *filled(sa.Integer, "passed failed other"), *filled(sa.Double, "seconds"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""Outcomes of each test in sound runs, summed up by day of UTC (days since 1970)."""

LANE_DAYS = sa.Table(
    "lane_days", METADATA,
    *key(sa.Text, "lane"), *key(sa.Integer, "day"),
    *filled(sa.Integer, "runs broken red passed failed other"), *filled(sa.Double, "seconds"),
    sqlite_with_rowid=False,
)  # fmt: skip
"""Runs of each lane, summed up by day of UTC; `red` are sound runs with a failure."""

QUEUES = sa.Table(
    "queues", METADATA, *key(sa.Text, "name"), *filled(sa.Text, "collection"), *filled(sa.Double, "made_at")
)
"""Files of one lane of one run, to be pulled by its shards; `collection` is the digest of all node ids."""

CLAIMS = sa.Table(
    "claims", METADATA,
    *key(sa.Text, "queue file"), *filled(sa.Integer, "place"), *filled(sa.Text, "shard"),
    *filled(sa.SmallInteger, "done"),
)  # fmt: skip
"""One row for each file of a queue; `shard` is empty while nobody has it."""

CLAIMERS = sa.Table(
    "claimers", METADATA,
    *key(sa.Text, "queue shard"), *filled(sa.Text, "life"), *filled(sa.BigInteger, "beat"),
    *filled(sa.SmallInteger, "closed"),
)  # fmt: skip
"""The shards at a queue; `life` is one run of a shard, `beat` counts up while it lives."""
