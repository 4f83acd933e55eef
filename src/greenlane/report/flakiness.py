"""Flaky and quarantined tests in one line each, for reports of text."""

from __future__ import annotations

from greenlane.evidence.quarantine import FlakyTest, Quarantined
from greenlane.evidence.verdict import Verdict
from greenlane.report.lines import clean


def flakiness(verdict: Verdict) -> list[str]:
    """Return what became of quarantined tests, then the tests that flaked lately and are not quarantined."""
    loose = [test for test in verdict.flaky if not test.quarantined]
    return [*map(_quarantined, verdict.quarantined), *map(_flaky, loose)]


def _quarantined(entry: Quarantined) -> str:
    """Return `QUARANTINED [nd] test: failed, does not gate until 2026-01-31`."""
    ended = entry.outcome.value if entry.outcome else "no outcome"
    gates = f"does not gate until {entry.entry.expires}" if entry.excused else f"gates: {entry.reason}"
    return clean(f"QUARANTINED [{entry.check}] {entry.entry.test}: {ended}, {gates}")


def _flaky(test: FlakyTest) -> str:
    """Return `FLAKY [nd] test: 2 flakes in 40 runs lately`, with the tests that fail beside it."""
    beside = f", together with {len(test.together)} others" if test.together else ""
    return clean(f"FLAKY [{test.lane}] {test.test}: {len(test.flakes)} flakes in {test.runs} runs lately{beside}")
