"""What every run asks of the history, in words that SQLite and PostgreSQL both understand.

Whoever asks a file needs no SQLAlchemy for it: to import that takes longer than all of these questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from greenlane.config.schema import Quarantine
from greenlane.evidence.history import DAY, Past, Seen
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.quarantine import FlakyTest
from greenlane.history.stored import BAD, CHUNK, PASSED
from greenlane.judge.flakes import Flake, flaky_tests

Ask = Callable[[str, Mapping[str, Any]], Iterable[Sequence[Any]]]
"""Returns the rows of a question, whose `:name` stand for values, within one state of the database."""

_PAST = f"""
SELECT tests.test, runs.key, outcomes.outcome, outcomes."both"
FROM runs JOIN outcomes ON outcomes.run_id = runs.id JOIN tests ON tests.id = outcomes.test_id
WHERE runs.tree = :tree AND runs.lane = :lane AND runs.broken = '' AND runs.run_id != :run_id
AND outcomes.outcome IN ({", ".join(map(str, (*PASSED, *BAD)))})
"""

_SEEN = """
WITH suspects AS (
    SELECT DISTINCT failures.test_id AS test_id, every_run.tree AS tree, every_run.lane AS lane
    FROM runs AS recent
    JOIN runs AS every_run
    ON every_run.tree = recent.tree AND every_run.lane = recent.lane AND every_run.broken = ''
    JOIN failures ON failures.run_id = every_run.id
    WHERE recent.started_at >= :since AND recent.tree != '' AND recent.broken = ''
)
SELECT tests.test, runs.lane, runs.started_at, runs.key, runs.tree, runs.machine, outcomes.outcome, outcomes."both",
    coalesce(failures.cause, '')
FROM suspects
JOIN runs ON runs.tree = suspects.tree AND runs.lane = suspects.lane
JOIN outcomes ON outcomes.test_id = suspects.test_id AND outcomes.run_id = runs.id
JOIN tests ON tests.id = suspects.test_id
LEFT OUTER JOIN failures ON failures.run_id = runs.id AND failures.test_id = suspects.test_id
WHERE runs.broken = ''
"""

_RUN_COUNTS = """
SELECT tests.lane, tests.test, sum(days.passed + days.failed)
FROM tests JOIN days ON days.test_id = tests.id
WHERE tests.test IN ({names}) AND days.day >= :since
GROUP BY tests.lane, tests.test
"""


def past(ask: Ask, lane: str, tree: str, run_id: str) -> Past:
    """Return what ended how in sound runs of a lane on a tree, other than one run."""
    found = Past()
    for test, key, outcome, both in ask(_PAST, {"lane": lane, "tree": tree, "run_id": run_id}):
        if both or outcome in BAD:
            found.failed[test] = key
        if both or outcome in PASSED:
            found.passed[test] = key
    return found


def seen(ask: Ask, now: float, days: int) -> list[Seen]:
    """Return the tests that failed on trees of the last days, in every sound run on those trees, however long ago.

    Args:
        now: Unix seconds; days: how far to look back for runs: what contradicts another run is younger than that one.
    """
    return [
        Seen(
            test=test, lane=lane, at=at, run=key, tree=tree, machine=machine, passed=bool(both) or outcome in PASSED,
            failed=bool(both) or outcome in BAD, cause=cause,
        )
        for test, lane, at, key, tree, machine, outcome, both, cause in ask(_SEEN, {"since": now - days * DAY})
    ]  # fmt: skip


def run_counts(ask: Ask, tests: Sequence[tuple[str, str]], now: float, days: int) -> dict[tuple[str, str], int]:
    """Return how many sound outcomes tests (lane, test) had in the last days, by lane and test."""
    since = int((now - days * DAY) // DAY)
    result = dict.fromkeys(tests, 0)
    names = sorted({test for _, test in tests})
    for start in range(0, len(names), CHUNK):
        asked = {f"name{number}": name for number, name in enumerate(names[start : start + CHUNK])}
        question = _RUN_COUNTS.format(names=", ".join(f":{word}" for word in asked))
        rows = ask(question, {"since": since, **asked})
        result.update(((lane, test), int(count)) for lane, test, count in rows)
    return result


def flaky(ask: Ask, options: Quarantine, ledger: Ledger, now: float) -> list[tuple[FlakyTest, tuple[Flake, ...]]]:
    """Return each test that flaked in the window with its flakes, most flakes first.

    Args:
        options: say how long the window is.
        ledger: says which of them are quarantined.
        now: Unix seconds.
    """
    entries = {(entry.lane, entry.test) for entry in ledger.quarantined}
    found = flaky_tests(seen(ask, now, options.days), {}, now, options.days)
    counts = run_counts(ask, [(test.lane, test.test) for test, _ in found], now, options.days)
    return [
        (
            msgspec.structs.replace(
                test, runs=max(test.runs, counts[test.lane, test.test]), quarantined=(test.lane, test.test) in entries
            ),
            flakes,
        )
        for test, flakes in found
    ]
