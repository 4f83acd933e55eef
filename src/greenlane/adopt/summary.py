"""What `init` and `survey` say of a suite: worst first, one line for each cause, never a flood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from greenlane.adopt.placement import Place, Placed
from greenlane.adopt.survey import Survey

SHOWN = 5
"""How many groups of tests are named for one lane."""


def placement_lines(placed: Iterable[Placed]) -> Iterator[str]:
    """Yield where tests belong: the counts, then for each lane but `core` what its tests did, once for each cause."""
    tests = list(placed)
    counts = Counter(test.place for test in tests)
    yield "placed: " + ", ".join(f"{counts[where]} {where}" for where in Place if counts[where])
    for where in (Place.BROKEN, Place.RELEASE, Place.ND):
        causes: dict[str, list[str]] = {}
        for test in tests:
            if test.place is where:
                causes.setdefault(test.why, []).append(test.nodeid)
        for why, nodeids in list(causes.items())[:SHOWN]:
            more = f" and {len(nodeids) - 1} more" if len(nodeids) > 1 else ""
            yield f"  {where}: {nodeids[0]}{more}: {_short(why)}"
        if len(causes) > SHOWN:
            yield f"  {where}: {len(causes) - SHOWN} further causes, in greenlane-ledger.toml"


def missing_modules(seen: Survey) -> Iterator[str]:
    """Yield what nothing installs and files of the suite import."""
    names = Counter(
        error.cause.split("'")[1] for error in seen.observed.first.collect_errors if "No module named '" in error.cause
    )
    if names:
        told = ", ".join(name for name, _ in names.most_common())
        yield f"NOTE: the suite imports what nothing installs: {told}; name it with --group, --extra or --requirements"


def order_lines(disturbed: Iterable[str], polluters: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the tests that fail in random order only, and after which others they do."""
    victims = list(disturbed)
    if not victims:
        return
    yield f"order: the suite's own, because {len(victims)} fail in a random one"
    for victim in victims[:SHOWN]:
        after = polluters.get(victim, ())
        yield f"  {victim}" + (f" fails after {', '.join(after)}" if after else "")
    if len(victims) > SHOWN:
        yield f"  and {len(victims) - SHOWN} more: greenlane polluter NODEID names what each fails after"


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."
