"""The life of a run, as a short list of steps."""

from __future__ import annotations

import time
from functools import partial

import msgspec

from greenlane.config.context import Context
from greenlane.environment.yaml_file import read_yaml
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.progress import NULL_LISTENER, ProgressListener
from greenlane.evidence.verdict import Verdict
from greenlane.history.recall import with_history
from greenlane.judge.judge import judge
from greenlane.run.gates import check_addresses, open_gates
from greenlane.run.guards import Look, look_around
from greenlane.run.job import Run, new_run_id
from greenlane.run.kept import keep
from greenlane.run.lanes import run_lanes
from greenlane.run.request import RunRequest
from greenlane.run.requirements import added_examiners, as_left, make_requirements
from greenlane.run.suite import in_no_lane


def decide(
    context: Context, request: RunRequest, listener: ProgressListener = NULL_LISTENER
) -> tuple[Verdict, list[LaneEvidence]]:
    """Run what is asked for and judge it.

    Args:
        listener: who is told how each lane comes along.

    Raises:
        ConfigError: a setting is wrong; nothing was run.
    """
    settings = context.settings
    run_id = new_run_id()
    gates = open_gates(context)
    # As they are before any code of a lane runs: what is excused, and what is remembered of this tree.
    before = with_history(make_requirements(settings, request, gates, run_id), context)
    notes = check_addresses(context, request.strict)
    guards = look_around(Look(context=context, strict=request.strict, read_yaml=partial(read_yaml, context=context)))
    notes += [note for guarded in guards.values() for note in guarded.notes]
    evidence: list[LaneEvidence] = []
    if not any(note.gating for note in notes):
        run = Run(
            context=context, request=request, run_id=run_id, gates=gates, guards=guards, listener=listener,
            ledger=before.ledger,
        )  # fmt: skip
        evidence, stopped = run_lanes(run)
        notes += stopped
    notes += [] if request.lane else in_no_lane(settings)
    verdict = judge(as_left(before, settings, request), evidence, notes, added_examiners())
    verdict = msgspec.structs.replace(verdict, made_at=time.time(), project=settings.project)
    keep(context, evidence, verdict)
    return verdict, evidence
