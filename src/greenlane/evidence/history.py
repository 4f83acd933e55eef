"""A run as history remembers it: the one form in which runs of ours and of other runners are stored."""

from __future__ import annotations

import msgspec

from greenlane.evidence.outcome import Outcome

HISTORY_SCHEMA = 1
"""Version of a spooled run; one of another version is refused."""

DAY = 86400.0
"""Seconds of a day. Days are days of UTC, so that neither time zones nor daylight saving move an outcome."""


class RecordedTest(msgspec.Struct, frozen=True, array_like=True):
    """How one test ended in a run.

    Attributes:
        test: node id, or the name that another runner gives.
        outcome: the final one; seconds: of all its phases.
        both: whether it was run again within the run and ended differently.
        cause: first line of what went wrong.
        sample: whether it is one of several of a test that is meant to vary: then nothing of it is a flake.
    """

    test: str
    outcome: Outcome
    seconds: float = 0.0
    both: bool = False
    cause: str = ""
    sample: bool = False


class RecordedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a lane or shard. Times are Unix seconds.

    Attributes:
        tree: state of the work tree; empty when nobody knows, and then nothing in it can be a flake.
        machine: where it ran; source: `greenlane`, or the kind of file that it was imported from.
        broken: why nothing may be concluded from it (a worker crashed, a deadline, drift); empty when it is sound.
    """

    schema: int = HISTORY_SCHEMA
    run_id: str
    lane: str
    shard: str = ""
    kind: str = ""
    tree: str = ""
    machine: str = ""
    seed: int = 0
    source: str = "greenlane"
    started_at: float
    seconds: float = 0.0
    broken: str = ""
    tests: tuple[RecordedTest, ...] = ()

    @property
    def key(self) -> str:
        """What tells this run from every other: storing it twice stores it once."""
        return "/".join(filter(None, (self.run_id, self.lane, self.shard)))


class Past(msgspec.Struct, frozen=True):
    """What ended how in earlier sound runs of one lane on the same tree: the run, by node id."""

    passed: dict[str, str] = {}
    failed: dict[str, str] = {}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A test in one sound run, as the search for flakes needs it.

    Attributes:
        at: when the run began (Unix seconds); run: its key; machine: where it ran.
        passed, failed: how it ended; both for a test that was run again within the run.
    """

    test: str
    lane: str
    at: float
    run: str
    tree: str
    machine: str = ""
    passed: bool = False
    failed: bool = False
    cause: str = ""
