"""Evidence that is still true in the place of a run."""

from __future__ import annotations

import msgspec

from greenlane.evidence.artifacts import SEEN
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.reuse import Seen
from greenlane.run.kept import take
from greenlane.run.planned import PlannedLane
from greenlane.run.prepared import PreparedLane
from greenlane.run.seen import hindrance, seen_by
from greenlane.util.files import write_atomically


def still_true(prepared: PreparedLane, planned: PlannedLane) -> tuple[LaneEvidence | None, Seen | None]:
    """Return evidence of an earlier run, where it is asked for and still true, and what the lane can see now.

    The second is None for a lane whose result cannot be used again. Why a deterministic lane is run is said.
    """
    job = prepared.job
    why = hindrance(prepared, planned.inputs)
    seen = None if why else seen_by(prepared, planned.inputs, planned.plan, planned.contract)
    kept = None
    if job.reuse and seen is not None:
        kept, why = take(job, seen)
    if job.reuse and job.lane.deterministic and kept is None:
        job.context.say(f"{job.label}: runs, {why}")
    return kept, seen


def with_seen(prepared: PreparedLane, record: LaneRecord, seen: Seen | None) -> LaneRecord:
    """Return a record that names what its lane could see, left beside it, where the kernel enforced that."""
    if seen is None or record.result.hermetic != "kernel":
        return record
    write_atomically(prepared.job.artifacts / SEEN, msgspec.json.encode(seen))
    return msgspec.structs.replace(record, seen=seen.key)
