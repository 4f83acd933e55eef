"""After which tests others fail, where a suite does so in random order only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from greenlane.adopt.placement import Observed
from greenlane.adopt.survey import Survey, observing_lane
from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.evidence.evidence import JournalFacts
from greenlane.evidence.search import Conclusion, Findings
from greenlane.polluter.find import make_job, search_each
from greenlane.polluter.suspects import Traces, traces

HOW = {Conclusion.POLLUTED: "fails after", Conclusion.NEEDS_HELPER: "passes only after"}
"""What is said of a test that others disturb, or help."""

OTHERWISE = "fails in that order only sometimes"

PATIENCE = 60.0
"""Seconds after which nothing further is tried."""

SHOWN = 5
"""How many causes are named."""


def polluters(
    context: Context, lane: Lane, victims: Sequence[str], seen: Survey, interpreter: str = ""
) -> dict[str, str]:
    """Return after which tests each victim fails, in words, as far as that is found while there is patience.

    Args:
        context: of the call; lane: whose tests disturb each other.
        victims: tests that pass in the suite's own order and fail in the random one; seen: both orders.
        interpreter: path of the Python that is used as it is; empty for the environment of the lane's lock.
    """
    if not victims or not hasattr(os, "fork"):
        return {}
    context.say(
        f"survey: {len(victims)} fail in random order only; for up to {PATIENCE:g} s the tests to blame are sought"
    )
    job = make_job(context, observing_lane(lane), (), interpreter)
    known = {victim: _known(seen.observed, victim) for victim in victims}
    findings = search_each(job, known, seen.seed, quiet=True, patience=PATIENCE)
    return {one.victim: _said(one) for one in findings}


def _known(observed: Observed, victim: str) -> Traces:
    """Return what two runs tell about a victim: what ran before it where it passed, and where it failed."""
    own = traces(observed.first, victim, "")
    shuffled = traces(observed.shuffled or JournalFacts(), victim, "")
    return Traces(before=shuffled.before, helping=own.helping)


def _said(findings: Findings) -> str:
    """Return in words after which tests a victim fails."""
    how = HOW.get(findings.conclusion)
    return f"{how} {', '.join(findings.tests)}" if how else OTHERWISE


def order_lines(disturbed: Sequence[str], found: Mapping[str, str]) -> Iterator[str]:
    """Yield the tests that fail in random order only, one line for each cause: after which others they do.

    Args:
        disturbed: the victims; found: in words, after which tests each of them fails.
    """
    if not disturbed:
        return
    yield f"order: the suite's own, because {len(disturbed)} fail in a random one"
    causes: dict[str, list[str]] = {}
    for victim in disturbed:
        causes.setdefault(found.get(victim, ""), []).append(victim)
    unknown = causes.pop("", [])
    for how, victims in list(causes.items())[:SHOWN]:
        more = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
        yield f"  {victims[0]}{more} {how}"
    left = sum(map(len, list(causes.values())[SHOWN:])) + len(unknown)
    if left:
        yield f"  and {left} more: greenlane polluter NODEID names what each fails after"
