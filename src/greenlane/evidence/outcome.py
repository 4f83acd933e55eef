"""The outcome of one test."""

from __future__ import annotations

import enum

import msgspec


class Outcome(enum.StrEnum):
    """How a test ended. `ERROR` is a failure outside the test's own body: set-up, tear-down or collection."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"

    @property
    def bad(self) -> bool:
        """Whether the test itself says that something is broken."""
        return self in (
            "failed",
            "error",
        )  # as text: asked of every test by every report, and names are dear to look up


class Attempt(msgspec.Struct, frozen=True):
    """An earlier run of a test that was run again: how it ended, its seconds, and the first line of why."""

    outcome: Outcome
    duration: float = 0.0
    cause: str = ""


class TestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The final outcome of one test.

    Attributes:
        nodeid: pytest's name of the test, relative to the project.
        duration: seconds of set-up, body and tear-down together.
        reason: why it was skipped or expected to fail; empty for none given.
        cause: first line of what went wrong; empty when nothing did.
        path: file of the failing line, relative to the project; line: its number, from 1, 0 for unknown.
        worker: name of the process that ran it (`main`, `gw0`, …).
        raised: `file:line` of a library that raised what `path` and `line` called; empty when they raised it.
        attempts: times that the test body was run; more than 1 means that something re-ran it.
        ran: whether the body was entered.
        at: wall clock of its end (Unix seconds), 0 for unknown.
        earlier: the runs before the one that counts, in order.
    """

    __test__ = False

    nodeid: str
    outcome: Outcome
    duration: float = 0.0
    reason: str = ""
    cause: str = ""
    path: str = ""
    line: int = 0
    raised: str = ""
    worker: str = "main"
    attempts: int = 1
    ran: bool = True
    at: float = 0.0
    earlier: tuple[Attempt, ...] = ()

    @property
    def flaky(self) -> bool:
        """Whether it passed in the end, and not at first."""
        return bool(self.earlier) and not self.outcome.bad and any(attempt.outcome.bad for attempt in self.earlier)
