"""The known name that somebody who mistyped one may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

#: Names of others are compared up to this length, and with so many: a client chooses how often we look.
_CHARACTERS = 64
_NAMES = 200


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Propose a name.

    likeness: 0 to 1, how much of both words must be equal.
    Returns: `; did you mean 'x'?` for the known name that is nearest to a word, empty when none is near.
    """
    if len(word) > _CHARACTERS:
        return ""
    # Those of nearest length first: of many names the same are compared in each process, whatever order a set has.
    lengths = sorted((abs(len(name) - len(word)), name) for name in known if name != word)
    alike = (name for difference, name in lengths if difference <= 4)
    near = difflib.get_close_matches(word, islice(alike, _NAMES), n=1, cutoff=likeness)
    return f"; did you mean '{near[0]}'?" if near else ""
