"""How a suite is adopted: its own settings are read, it is observed, and each test is placed by what it did."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from greenlane.adopt.lanes_text import Adoption
from greenlane.adopt.order import polluters
from greenlane.adopt.placement import Place, Placed, layout, order_dependent, place
from greenlane.adopt.seed import seed, skip_entries, unrunnable
from greenlane.adopt.skip_conditions import imported_names, kept_out, skip_conditions
from greenlane.adopt.survey import Survey, Workers, forget, survey
from greenlane.config.context import Context
from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.load import Settings
from greenlane.config.schema import Configuration
from greenlane.environment.locks import compile_locks
from greenlane.evidence.ledger import Ledger
from greenlane.judge.excuses import as_skipped
from greenlane.judge.quarantine import day_of

SLOW = 20.0
"""Seconds of a test from which the usual deadline of a lane is too near."""

USUAL_BUDGET = 600.0


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """A suite, observed.

    Attributes:
        adoption: what the lanes are made of; ledger: what is excused from the start.
        placed: where each test belongs; disturbed: tests that fail in random order only; seed: of that order.
        polluters: after which tests these fail, in words, by victim, as far as it was found.
        lock: text of the lock that its environment was built from.
        survey: what it was seen doing.
    """

    adoption: Adoption
    ledger: Ledger
    placed: tuple[Placed, ...]
    disturbed: tuple[str, ...]
    polluters: dict[str, str]
    lock: str
    survey: Survey


def observe(
    root: Path,
    adoption: Adoption,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    workers: Workers | None = None,
    seed: int | None = None,
) -> Adopted:
    """Build the environment of a suite, run it observed, and place its tests; nothing is written but what is ignored.

    Args:
        root: the project; adoption: what its files say.
        environ: the caller's environment; say: prints a line to the user.
        workers: over how many processes the tests may be spread; None for one per core where they take long.
        seed: of the random order; None for the time of day.

    Raises:
        GreenlaneError: the lock, the environment or the suite's start failed.
    """
    with tempfile.TemporaryDirectory(prefix="greenlane-adopt-") as folder:
        lock = Path(folder) / "core.txt"
        lane = Lane(
            name="core", kind=LaneKind.DETERMINISTIC, tests=adoption.suite, lock=str(lock), python=adoption.python,
            extras=adoption.needs.extras, groups=adoption.needs.groups, requirements=adoption.needs.requirements,
        )  # fmt: skip
        settings = Settings(project=str(root.resolve()), configuration=Configuration(lanes={"core": lane}), sources={})
        compile_locks(Context(settings, environ, lambda _line: None), check=False, upgrade=False)
        context = Context(settings, environ, say)
        seen = survey(context, lane, workers=workers, seed=seed)
        after = polluters(context, lane, order_dependent(seen.observed), seen)
        text = lock.read_text(encoding="utf-8")
    forget(settings)
    return msgspec.structs.replace(_adopted(root, adoption, seen, text), polluters=after)


def _adopted(root: Path, adoption: Adoption, seen: Survey, lock: str) -> Adopted:
    """Return what a survey makes of a suite."""
    today = day_of(time.time())
    placed = place(seen.observed)
    skipped = unrunnable(seen.observed, placed)
    conditions = skip_conditions(root, {test.nodeid: test.reason for test in skipped})
    named = imported_names(root, {test.reason for test in skipped})
    conditions |= {
        t.nodeid: f"{named[t.reason]} ; {conditions.get(t.nodeid, '')}" for t in skipped if t.reason in named
    }
    lost = [as_skipped(test) for test in seen.uncollected]
    conditions |= kept_out(root, [test.nodeid for test in lost])
    skips, unknown = skip_entries([*skipped, *lost], conditions, seen.facts, today)
    reasons = {test.nodeid: test.reason or "no reason given" for test in unknown}
    placed = [
        Placed(nodeid=t.nodeid, place=Place.ND, why=f"is skipped: {reasons[t.nodeid]}") if t.nodeid in reasons else t
        for t in placed
    ]
    disturbed = order_dependent(seen.observed)
    arranged = layout(placed, seen.observed.first.marks)
    adoption = msgspec.structs.replace(
        adoption,
        # Tests that depend on others need these in their own process, and before them.
        workers=0 if disturbed else seen.workers,
        order="file" if disturbed else "random",
        timeout=_rounded(4 * seen.longest) if seen.longest > SLOW else 0.0,
        budget=_rounded(3 * seen.seconds) if 2 * seen.seconds > USUAL_BUDGET else 0.0,
        layout=arranged,
    )
    return Adopted(
        adoption=adoption, ledger=seed(arranged, skips, today), placed=tuple(placed), disturbed=disturbed, polluters={},
        lock=lock, survey=seen,
    )  # fmt: skip


def _rounded(seconds: float) -> float:
    """Return seconds as a person would write them."""
    return float(-(-int(seconds) // 10) * 10)
