"""What each lane takes of a project's tests, as its configuration says."""

from __future__ import annotations

import msgspec


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What one lane takes.

    Attributes:
        tests: files, folders and single tests, relative to the project.
        exclude: patterns of files that it leaves to others.
        marks: expression of marks that its tests must meet, as pytest's `-m`; empty for every test.
    """

    lane: str
    tests: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    marks: str = ""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Tests that the ledger puts elsewhere: pattern of node ids, and the lane, `broken` for none."""

    test: str
    lane: str


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes what of a project.

    Attributes:
        own: name of the lane that asks; empty outside of a lane.
        lanes: what each declared lane takes.
        moves: what the ledger puts elsewhere; the first that means a test counts.
    """

    own: str = ""
    lanes: tuple[Claim, ...] = ()
    moves: tuple[Move, ...] = ()
