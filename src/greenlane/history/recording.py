"""Records a run after it was judged. It never fails a run, and never waits for a database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from greenlane.config.context import Context
from greenlane.config.lanes import LaneKind
from greenlane.config.load import Settings
from greenlane.environment.control_environment import NAME
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.history import RecordedRun, RecordedTest
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.history import spool
from greenlane.history.recall import can_ask
from greenlane.judge.sound import broken_because, by_itself
from greenlane.util.launch import harness_environment


def remember(context: Context, evidence: Sequence[LaneEvidence]) -> None:
    """Leave runs in the spool, and start a process that stores them; say it when that fails.

    Args:
        context: whose environment may name the shared database.
        evidence: of every lane and shard that ran.
    """
    settings = context.settings
    history = settings.configuration.history
    if not history.enabled:
        return
    folder = settings.root / history.spool
    earlier = spool.last_failure(folder)
    if earlier:
        context.say(f"WARNING: runs could not be stored last time and wait in {history.spool}: {earlier}")
    try:
        new = [item for item in evidence if not item.vouched]  # the rest is recorded already
        for item in new:
            spool.drop(folder, recorded(item))
        if history.ingest == "detached" and new:
            _ingest_apart(context)
    except OSError as error:
        context.say(f"WARNING: history: this run is not recorded: {error}")


def recorded(evidence: LaneEvidence) -> RecordedRun:
    """Return the evidence of a lane or shard as history keeps it."""
    record, journal = evidence.record, evidence.journal
    repeats = frozenset(journal.repeats)
    varying = () if record.kind == LaneKind.DETERMINISTIC else journal.samples
    samples = {nodeid for group in varying for nodeid in group.seeds}
    return RecordedRun(
        run_id=record.run_id,
        lane=record.lane,
        shard=record.shard,
        kind=record.kind,
        tree=record.tree,
        machine=record.machine,
        seed=record.seed,
        started_at=record.result.started_at,
        seconds=record.duration,
        broken=broken_because(evidence),
        tests=tuple(
            RecordedTest(
                test.nodeid,
                outcome,
                round(test.duration, 6),
                test.nodeid in repeats or _retried(test),
                test.cause if outcome is test.outcome else "",
                test.nodeid in samples,
            )
            for test, outcome in by_itself(journal)
        ),
    )


def _retried(test: TestOutcome) -> bool:
    """Whether something ran a test again until it passed: then it had failed before."""
    return test.attempts > 1 and test.outcome is Outcome.PASSED


def _ingest_apart(context: Context) -> None:
    """Start a process that stores what waits, where there is an interpreter that can; nobody waits for its end."""
    settings = context.settings
    python = sys.executable if can_ask() else _control_python(settings)
    if not python:
        return
    command = [python, "-P", "-s", "-m", "greenlane", "history", "--project", settings.project, "ingest", "--apart"]
    subprocess.Popen(
        command, env=harness_environment(context.environ), cwd=settings.project, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=os.name != "nt",
    )  # fmt: skip


def _control_python(settings: Settings) -> str:
    """Return the interpreter of the control environment; empty where none was built yet."""
    folder = settings.root / settings.configuration.environments / NAME
    places = (folder / "bin" / "python", folder / "Scripts" / "python.exe")
    return next((str(path) for path in map(Path, places) if path.exists()), "")
