"""How far a lane has come, and who wants to know."""

from __future__ import annotations

import msgspec

from greenlane.evidence.outcome import TestOutcome


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a lane or shard has come.

    Attributes:
        label: name of the check.
        selected: tests that it must run, 0 while it is still looking for them; done: those that have ended.
        bad: of these failed ones; skipped: of these skipped ones.
        elapsed: seconds since it was started; left: seconds that it will probably still take, None for unknown.
    """

    label: str
    selected: int = 0
    done: int = 0
    bad: int = 0
    skipped: int = 0
    elapsed: float = 0.0
    left: float | None = None


class ProgressListener:
    """Who watches a run; by itself nobody does, and nothing is looked at.

    Attributes:
        period: seconds between two looks at the journal.
        carries: whether the lanes' output goes through `line`, because it shares a screen with something that moves.
    """

    period = 0.0
    carries = False

    def began(self, label: str) -> None:
        """A lane or shard is about to run."""

    def line(self, line: bytes) -> None:
        """A line of output with its end, already prefixed and harmless."""

    def failed(self, label: str, test: TestOutcome) -> None:
        """A test has failed just now."""

    def progress(self, progress: Progress) -> None:
        """A look at how far the lane has come."""

    def ended(self, progress: Progress) -> None:
        """The lane or shard has ended; its verdict is still to come."""


NULL_LISTENER = ProgressListener()
"""For runs that nobody watches; it keeps nothing, so one is enough."""
