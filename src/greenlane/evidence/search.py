"""What is said between who searches for a polluter and the lane process that tries, and what came of a search."""

from __future__ import annotations

import enum

import msgspec

from greenlane.evidence.journal import Leaked

CHANNEL_VARIABLE = "GREENLANE_CHANNEL"
"""Environment name of the file descriptor of the socket between a lane process and its supervisor."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Tests to run one after the other in a fresh copy of the collected lane, and when to look at the victim.

    A look is a copy of that moment, in which the tail runs: what the chain does next is not changed by it.

    Attributes:
        tests: node ids, in order.
        tail: what a look runs, the victim last.
        looks: after how many of the tests to look; None leaves it to the lane, which looks as often as is cheap and
            always after the last.
        passing: whether a look is to find the victim passed; otherwise, that it did not pass.
    """

    tests: tuple[str, ...]
    tail: tuple[str, ...]
    looks: tuple[int, ...] | None = None
    passing: bool = False


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What a chain came to.

    Attributes:
        found: after how many tests the victim was as looked for; -1 for never.
        clear: the last look before, at which it was not; 0 for none.
        outcome: of the victim at the last look; `died` when its process did.
        cause: first line of what went wrong.
        died: the test of the chain, not the victim, that ended the process; nothing is known of those after it.
    """

    found: int = -1
    clear: int = 0
    outcome: str = ""
    cause: str = ""
    died: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, tag="attempt"):
    """Chains to be tried side by side; the first that finds what it looks for ends the others."""

    chains: tuple[Chain, ...]


class LookForLeaks(msgspec.Struct, frozen=True, kw_only=True, tag="leaks"):
    """Tests to be run once under the leak guard, which puts back what it sees and writes it into the journal.

    The last is the victim. Beside it, the victim is run alone once more; both are answered, in this order.
    """

    tests: tuple[str, ...]


Task = Attempt | LookForLeaks
"""What the lane process is asked to do."""


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """What the lane process has collected, in the order in which it would run it, and the files that it could not."""

    tests: tuple[str, ...]
    errors: tuple[str, ...] = ()


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a task: one for each chain, None for those that were ended; and how many tests were run for it."""

    observations: tuple[Observation | None, ...] = ()
    ran: int = 0


class Conclusion(enum.StrEnum):
    """What a search found out about a victim."""

    POLLUTED = "polluted"
    NEEDS_HELPER = "needs_helper"
    FAILS_ALONE = "fails_alone"
    NEVER_FAILS = "never_fails"
    UNSTABLE = "unstable"
    UNKNOWN = "unknown"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a search.

    Attributes:
        tests: the smallest set found: polluters, or the helpers without which the victim fails; in running order.
        cause: first line of the victim's failure.
        leaks: what the polluters leave behind, as far as the leak guard sees it.
        cured: whether the victim ends otherwise when what the leaks name is put back; None for not tried.
        ran: how many tests were run to find it out; 0 when the evidence of an earlier run was enough.
        candidates: how many tests could have been it.
        near: names like the victim's, when nothing has that name.
        notes: what else somebody should know.
    """

    conclusion: Conclusion
    victim: str
    tests: tuple[str, ...] = ()
    cause: str = ""
    leaks: tuple[Leaked, ...] = ()
    cured: bool | None = None
    ran: int = 0
    candidates: int = 0
    near: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
