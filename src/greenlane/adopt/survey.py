"""Runs a suite while it is only looked at: three times cut off from the network, once plainly where that must be."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import msgspec

from greenlane.adopt.placement import Observed, differing, failing
from greenlane.adopt.plainly import plainly
from greenlane.config.context import Context
from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.load import Settings
from greenlane.errors import ConfigError, Interrupted
from greenlane.evidence.artifacts import OUTPUT
from greenlane.evidence.evidence import LaneEvidence, Uncollected
from greenlane.evidence.ledger import Facts
from greenlane.report.progress import Observing
from greenlane.run.job import LaneJob, new_run_id
from greenlane.run.lane import run_lane

PURPOSE = "survey"
Workers = int | str
"""How many processes run tests; `auto` is one per core."""

PATIENCE = 120.0
"""Seconds that one test may take while a suite is observed."""

BUDGET = 3600.0
"""Seconds that one of the runs may take."""

STEP = 30.0
"""Seconds between two lines of progress."""

LONG = 60.0
"""Seconds of a run from which on the others are spread over the cores, where the tests allow it."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a survey.

    Attributes:
        observed: what the suite did.
        seconds: that one run of it took, the median of all.
        longest: seconds of the slowest test.
        seed: of the random run.
        workers: over how many processes the tests may be spread, for they ended the same so; `auto` is one per core.
        uncollected: tests that files define and that were not collected.
        facts: of the machine and the environment that it ran in.
    """

    observed: Observed
    seconds: float
    longest: float
    seed: int
    workers: Workers = 0
    uncollected: tuple[Uncollected, ...] = ()
    facts: Facts = Facts()


def observing_lane(lane: Lane) -> Lane:
    """Return a lane as it is observed: whole, in one process, hermetic, with patience."""
    return msgspec.structs.replace(
        lane, kind=LaneKind.DETERMINISTIC, shards=(), coverage=None, services=(), providers=(), pythons=(), workers=0,
        order="file", budget=BUDGET, test_timeout=PATIENCE,
    )  # fmt: skip


def survey(
    context: Context, lane: Lane, interpreter: str = "", workers: Workers | None = None, seed: int | None = None
) -> Survey:
    """Run a suite twice in its own order and once in a random one; what always fails, once more under plain pytest.

    Args:
        context: of the call.
        lane: whose environment and tests are looked at.
        interpreter: path of the Python that is used as it is; empty for the environment of the lane's lock.
        workers: over how many processes the later runs are spread; None for one per core where a run is long.
        seed: of the random order; None for the time of day.

    Raises:
        ConfigError: the lock is missing or wrong, or pytest did not get as far as running tests.
        EnvironmentBuildError: the environment could not be built.
        Interrupted: it was stopped.
    """
    lane = observing_lane(lane)
    first = _observe(context, lane, 1, interpreter)
    wanted = spread(workers, first.record.duration, os.cpu_count() or 1)
    lane, again = _second(context, msgspec.structs.replace(lane, workers=wanted), first, interpreter)
    seed = int(time.time()) if seed is None else seed
    shuffled = msgspec.structs.replace(lane, order="random")
    runs = [first, again, _observe(context, shuffled, 3, interpreter, seed)]
    observed = Observed(first=first.journal, second=again.journal, shuffled=runs[2].journal)
    python = first.record.environment.python
    always = failing(observed)
    if always:
        context.say(f"survey: {len(always)} always fail; their files are run under plain pytest")
        observed = msgspec.structs.replace(observed, plainly=plainly(context, python, always, BUDGET))
    return Survey(
        observed=observed,
        seconds=sorted(run.record.duration for run in runs)[1],
        longest=max((test.duration for run in runs for test in run.journal.outcomes), default=0.0),
        seed=seed,
        workers=lane.workers,
        uncollected=first.record.uncollected,
        facts=msgspec.structs.replace(first.journal.facts, imports=first.record.imports),
    )


def spread(asked: Workers | None, seconds: float, cores: int) -> Workers:
    """Return over how many processes the second run is spread.

    Args:
        asked: what the caller says; None for nothing.
        seconds: that the suite took in one process; cores: of this machine.
    """
    if asked is not None:
        return asked
    return "auto" if seconds > LONG and cores > 1 else 0


def _second(context: Context, lane: Lane, first: LaneEvidence, interpreter: str) -> tuple[Lane, LaneEvidence]:
    """Run the suite again; return the lane as the next run needs it, and what came of this one.

    Where a test ends otherwise because the lane has workers, and the first run had none, that says nothing of equal
    runs: the suite is run in one process again.
    """
    again = _observe(context, lane, 2, interpreter)
    others = differing(first.journal, again.journal) if lane.workers else ()
    if not others:
        return lane, again
    context.say(f"survey: {len(others)} end otherwise in several processes, as {others[0]}: one is used")
    alone = msgspec.structs.replace(lane, workers=0)
    return alone, _observe(context, alone, 2, interpreter)


def _observe(context: Context, lane: Lane, number: int, interpreter: str, seed: int | None = None) -> LaneEvidence:
    """Run the suite once.

    Raises:
        ConfigError: pytest did not get as far as running tests.
        Interrupted: it was stopped.
    """
    job = LaneJob(
        context=context, lane=lane, shard="", run_id=new_run_id(), gates=(), purpose=f"{PURPOSE}-{number}", seed=seed,
        observe=True, interpreter=interpreter, listener=Observing(context.say, step=STEP),
    )  # fmt: skip
    evidence = run_lane(job)
    record, journal = evidence.record, evidence.journal
    if record.result.interrupted:
        raise Interrupted("the survey was stopped before its end")
    if record.result.failure or record.complaint or not (journal.collected or journal.collect_errors):
        log = job.artifacts / OUTPUT
        raise ConfigError(
            record.result.failure
            or f"pytest runs no test of {', '.join(lane.tests)}: {record.complaint or 'none found'}",
            "name what the suite needs with --group, --extra or --requirements, and where it is by pytest's testpaths",
            "\n".join(_tail(log)),
        )
    order = "in random order" if lane.order == "random" else "in its own order"
    order += ", spread over workers" if lane.workers else ""
    bad = sum(test.outcome.bad for test in journal.outcomes) + len(journal.collect_errors)
    context.say(f"survey: run {number} of 3 {order}: {len(journal.outcomes)} tests, {bad} bad, {record.duration:.1f} s")
    return evidence


def forget(settings: Settings) -> None:
    """Remove what the runs of a survey left in the project; their evidence is used up."""
    for path in (settings.root / settings.configuration.artifacts).glob("survey-*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _tail(log: Path, lines: int = 12) -> list[str]:
    """Return the last lines of a log."""
    try:
        return log.read_text("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []
