"""What history knows when a run is judged. It may be away: then the verdict rests on the run alone, and says so."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import LaneKind
from greenlane.errors import ConfigError
from greenlane.evidence.evidence import Requirements
from greenlane.evidence.history import Past
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.quarantine import FlakyTest
from greenlane.history import flake_queries, spool
from greenlane.history.flake_queries import Ask


class Recalled(msgspec.Struct, frozen=True):
    """Earlier outcomes on the same tree by lane, and tests that flaked lately."""

    past: dict[str, Past] = {}
    flaky: tuple[FlakyTest, ...] = ()


def can_ask() -> bool:
    """Return whether what any database needs is installed where we run; our own file is asked without it."""
    return all(importlib.util.find_spec(name) for name in ("sqlalchemy", "alembic"))


def with_history(requirements: Requirements, context: Context) -> Requirements:
    """Return requirements with what history knows of their lanes.

    Args:
        requirements: what the judge must find proved.
        context: whose environment may name the shared database.
    """
    repeatable = [lane for lane, kind in requirements.kinds.items() if kind == LaneKind.DETERMINISTIC]
    # What a lane's skips are excused by may have run in another lane on the same tree.
    elsewhere = [entry.elsewhere for entry in requirements.ledger.skips if entry.elsewhere]
    known = recall(
        context, tree=requirements.tree, run_id=requirements.run_id,
        lanes=requirements.kinds, repeatable=[*repeatable, *elsewhere],
        ledger=requirements.ledger, now=time.time(),
    )  # fmt: skip
    return msgspec.structs.replace(requirements, past=known.past, flaky=known.flaky)


def recall(
    context: Context, *, tree: str, run_id: str,
    lanes: Collection[str], repeatable: Collection[str], ledger: Ledger, now: float,
) -> Recalled:  # fmt: skip
    """Return what is known of lanes, from the database where it can be asked, and from runs that still wait for it.

    Args:
        tree: state of the work tree; run_id: the run that is judged.
        lanes: whose flaky tests are asked for; repeatable: whose earlier outcomes are, too.
        ledger: says which flaky tests are quarantined.
        now: Unix seconds.
    """
    settings = context.settings
    history = settings.configuration.history
    if not history.enabled:
        return Recalled()
    past = {lane: Past() for lane in repeatable}
    for run in spool.runs(settings.root / history.spool):
        if run.lane in past and run.tree == tree and run.run_id != run_id and not run.broken:
            for test in run.tests:
                if test.outcome.bad or test.both:
                    past[run.lane].failed[test.test] = run.key
                if test.outcome is Outcome.PASSED or test.both:
                    past[run.lane].passed[test.test] = run.key
    if not (history.url or (settings.root / history.path).exists()):
        return Recalled(past)
    try:
        known = _ask(context, past, tree, run_id, ledger, now)
    except (ConfigError, OSError) as error:
        context.say(f"WARNING: {error}; the verdict rests on this run alone")
        return Recalled(past)
    return Recalled(known.past, tuple(flaky for flaky in known.flaky if flaky.lane in lanes))


def _of_file(path: Path, answer: Callable[[Ask], Recalled]) -> Recalled | None:
    """Return what our own file answers; None where it cannot: the usual way finds out why, and tells or mends it."""
    try:
        import sqlite3

        from greenlane.history.file import reading_file
    except ImportError:
        return None  # a Python may be built without SQLite
    with suppress(sqlite3.Error), reading_file(path) as ask:
        return answer(ask)
    return None


def _ask(context: Context, known: Mapping[str, Past], tree: str, run_id: str, ledger: Ledger, now: float) -> Recalled:
    """Return what is known with what the database knows.

    Raises:
        ConfigError: the database cannot be asked.
    """

    def answer(ask: Ask) -> Recalled:
        past = {}
        for lane, waiting in known.items():
            stored = flake_queries.past(ask, lane, tree, run_id)
            past[lane] = Past({**stored.passed, **waiting.passed}, {**stored.failed, **waiting.failed})
        found = flake_queries.flaky(ask, context.settings.configuration.quarantine, ledger, now)
        return Recalled(past, tuple(flaky for flaky, _ in found))

    history = context.settings.configuration.history
    if not history.url and (found := _of_file(context.settings.root / history.path, answer)):
        return found
    if not can_ask():
        return Recalled({**known})
    from greenlane.history.database import address, asking, connect, reading

    with reading(connect(address(context))) as connection:
        return answer(asking(connection))
