"""Whose doing a change is: the one rule, over plain evidence."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from greenlane.plugin.leaks.search import Fit
from greenlane.plugin.network.audit import Side


class Blame(enum.Enum):
    """What a change is called."""

    LEAK = "leak"
    SETTLING = "settling"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a change.

    Attributes:
        started: whether only a test starts such a thing: a process, a listening port, a patch, another directory.
        made: whether a value that came with it was made in test code.
        frame: whose code was seen doing it; None where nobody was seen.
        fit: how well a line of the tests explains it.
        importing: whether an import may have done it.
        inside: whether it is a library's own part: what it notes on a class, its logger, its thread.
        others: whether the value was written elsewhere than in a test; itself: whether the owner's own functions change
            such state. Asked only where it matters.
    """

    started: bool = False
    made: bool = False
    frame: Side | None = None
    fit: Fit = Fit.NONE
    importing: bool = False
    inside: bool = False
    others: Callable[[], bool] = lambda: False
    itself: Callable[[], bool] = lambda: False


def blame(evidence: Evidence) -> Blame:
    """Return whose doing a change is.

    A leak needs evidence of the test's side. What the product or a library changes in itself while it is used is
    settling. What is neither is uncertain.
    """
    if evidence.started or evidence.made or evidence.frame is Side.TEST or evidence.fit is Fit.EXACT:
        return Blame.LEAK
    if evidence.importing:
        return Blame.SETTLING
    if evidence.fit is Fit.POSSIBLE:
        return Blame.UNCERTAIN
    if evidence.inside or evidence.others() or evidence.itself():
        return Blame.SETTLING
    return Blame.UNCERTAIN
