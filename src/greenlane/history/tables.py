"""The tables. Outcomes are narrow rows in the order in which they are asked for; what is asked often is summed up."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""Of a run or a test. PostgreSQL takes a new one for each attempt to add a test that is there already."""

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("shard", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tree", sa.Text, nullable=False),
    sa.Column("machine", sa.Text, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("broken", sa.Text, nullable=False),
    sa.Column("tests", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Index("runs_by_tree", "tree", "lane"),
    sa.Index("runs_by_time", "started_at"),
)
"""One row for each lane or shard that ran; `key` makes recording idempotent."""

TESTS = sa.Table(
    "tests",
    METADATA,
    sa.Column("id", NUMBER, primary_key=True),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("test", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.UniqueConstraint("lane", "test", name="tests_by_name"),
)
"""Every test that was ever seen, with its typical duration: an exponential mean over passes, for the shards."""

OUTCOMES = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("test_id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("run_id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.SmallInteger, nullable=False),
    sa.Column("both", sa.SmallInteger, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Index("outcomes_by_run", "run_id"),
    sqlite_with_rowid=False,
)
"""One row for each test of each run. No foreign keys: both sides are filled, and pruned, in one transaction."""

FAILURES = sa.Table(
    "failures",
    METADATA,
    sa.Column("run_id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("test_id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Index("failures_by_time", "at"),
    sa.Index("failures_by_test", "test_id"),
    sqlite_with_rowid=False,
)
"""The outcomes of sound runs that may be half of a flake: failures, and tests that were run again and differed."""

DAYS = sa.Table(
    "days",
    METADATA,
    sa.Column("test_id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("passed", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("other", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)
"""Outcomes of each test in sound runs, summed up by day of UTC (days since 1970)."""

LANE_DAYS = sa.Table(
    "lane_days",
    METADATA,
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("runs", sa.Integer, nullable=False),
    sa.Column("broken", sa.Integer, nullable=False),
    sa.Column("red", sa.Integer, nullable=False),
    sa.Column("passed", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("other", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)
"""Runs of each lane, summed up by day of UTC; `red` are sound runs with a failure."""

QUEUES = sa.Table(
    "queues",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
)
"""Files of one lane of one run, to be pulled by its shards; `collection` is the digest of all node ids."""

CLAIMS = sa.Table(
    "claims",
    METADATA,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("file", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("shard", sa.Text, nullable=False),
    sa.Column("done", sa.SmallInteger, nullable=False),
)
"""One row for each file of a queue; `shard` is empty while nobody has it."""

CLAIMERS = sa.Table(
    "claimers",
    METADATA,
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("shard", sa.Text, primary_key=True),
    sa.Column("life", sa.Text, nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
    sa.Column("closed", sa.SmallInteger, nullable=False),
)
"""The shards at a queue; `life` is one run of a shard, `beat` counts up while it lives."""
