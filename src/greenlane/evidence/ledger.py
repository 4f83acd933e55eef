"""What is known and excused, as the one committed file says: leaks, skips, quarantined tests and lane moves.

Every entry says what, why, since when, and who accepted it. Patterns (`test`, `what`, `reason`) know `*` and `?`, which
cross slashes, and nothing else: the brackets of a parametrised test are just brackets.
"""

from __future__ import annotations

import msgspec

from greenlane.evidence.quarantine import Entry

LEDGER_FILE = "greenlane-ledger.toml"
"""Name of the file, at the root of the project."""

LEDGER_SCHEMA = 1
"""Version of its format."""

NOWHERE = "broken"
"""The lane of a move that takes a test out of every lane: it fails on its own, under plain pytest, too."""

CAUSES = ("platform", "python", "implementation", "privilege", "dependency", "elsewhere")
"""Why a test may be skipped: each names what the test needs, and is checked against the run."""


class LeakEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State that tests are known to leave behind.

    Attributes:
        what: pattern of the thing, `watcher:name` as `greenlane leaks` shows it.
        test: pattern of the node ids that may leave it; why: the reason for people.
        since: day of UTC on which it was accepted, `2026-01-31`; who: accepted it.
        lane: the only lane in which it is excused; empty for all.
    """

    what: str
    test: str = "*"
    lane: str = ""
    why: str
    since: str
    who: str


class SkipEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tests that are known to be skipped where they cannot run.

    Exactly one cause is named, as what the tests need. Where a run has it they must run; where it has it not they may
    be skipped.

    Attributes:
        test: pattern of the node ids; reason: pattern of the reason that the skip gives.
        platform: `sys.platform` that they need, as `win32` or `linux, darwin`; `!win32` for any but that.
        python: versions that they need, as `>=3.12` or `>=3.11, <3.14`.
        implementation: `cpython`, `pypy` or `graalpy`, as `platform`.
        privilege: `root` or `user`.
        dependency: import name that they need and no distribution of the lane's lock has.
        elsewhere: the lane in which they run; it must be seen that they do.
        lane: the only lane in which they are excused; empty for all.
        why: the reason for people; since: day of UTC on which it was accepted; who: accepted it.
    """

    test: str
    reason: str = "*"
    lane: str = ""
    platform: str = ""
    python: str = ""
    implementation: str = ""
    privilege: str = ""
    dependency: str = ""
    elsewhere: str = ""
    why: str
    since: str
    who: str

    @property
    def causes(self) -> tuple[tuple[str, str], ...]:
        """The causes that are named, with what each of them asks for."""
        return tuple((name, value) for name in CAUSES if (value := getattr(self, name)))


class MoveEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tests that belong to another lane than their path and marks say.

    Attributes:
        test: pattern of the node ids; lane: where they belong, `broken` for no lane.
        evidence: what they did that put them there, one line each.
        why: the reason for people; since: day of UTC on which it was accepted; who: accepted it.
    """

    test: str
    lane: str
    why: str
    since: str
    who: str
    evidence: tuple[str, ...] = ()


class Ledger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of the file: `[[leak]]`, `[[skip]]`, `[[quarantine]]` and `[[move]]`."""

    schema: int = LEDGER_SCHEMA
    leaks: tuple[LeakEntry, ...] = msgspec.field(default=(), name="leak")
    skips: tuple[SkipEntry, ...] = msgspec.field(default=(), name="skip")
    quarantined: tuple[Entry, ...] = msgspec.field(default=(), name="quarantine")
    moves: tuple[MoveEntry, ...] = msgspec.field(default=(), name="move")

    @property
    def excuses(self) -> tuple[LeakEntry | SkipEntry | MoveEntry, ...]:
        """Every entry but those of the quarantine."""
        return (*self.leaks, *self.skips, *self.moves)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the causes of skips are compared with: facts of the process that ran a lane. Empty for unknown.

    Attributes:
        platform: `sys.platform`; python: version as `3.12.1`; implementation: `sys.implementation.name`.
        privilege: `root` or `user`.
        imports: top-level import names of what the lane's lock installs, sorted.
    """

    platform: str = ""
    python: str = ""
    implementation: str = ""
    privilege: str = ""
    imports: tuple[str, ...] = ()
