"""Writes down what control saw of a lane, sealed with the digests of what the lane wrote."""

from __future__ import annotations

import platform
import time

import msgspec

from greenlane.evidence.artifacts import JOURNAL, JUNIT, OUTPUT, PLAN, RECORD
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.reader import collect, digest_of, sealed
from greenlane.run.assembly import secret_values
from greenlane.run.complaint import complaint
from greenlane.run.job import LaneJob
from greenlane.run.planning import write_plan
from greenlane.run.prepared import PreparedLane
from greenlane.run.tree import tree_of
from greenlane.sharding.plans import plan_digest
from greenlane.sharding.plans import sealed as sealed_plans
from greenlane.supervisor.plan import Result
from greenlane.util.files import write_atomically
from greenlane.util.redaction import redact
from greenlane.version import VERSION


def lane_record(
    prepared: PreparedLane, result: Result, *, seed: int, workers: int, coverage: float | None
) -> LaneRecord:
    """Return what control saw of a lane.

    Args:
        prepared: the lane; result: what the supervisor answered.
        seed: of a random order; workers: processes that shared the work.
        coverage: percent; None when it was not measured.
    """
    job, lane, environment = prepared.job, prepared.job.lane, prepared.environment
    return LaneRecord(
        run_id=job.run_id,
        lane=lane.name,
        kind=lane.kind.value,
        shard=job.shard,
        shards=lane.shards,
        plan=plan_digest(lane.name, job.plan) if job.plan else "",
        plan_source=job.plan.source if job.plan else "",
        started_at=result.started_at,
        finished_at=result.finished_at,
        budget=lane.budget or 0.0,
        exit_status=result.exit_status,
        complaint=complaint(job.artifacts / OUTPUT, result.exit_status),
        failure=result.failure,
        timed_out=result.timed_out,
        running=result.running,
        interrupted=result.interrupted,
        tree=prepared.tree,
        lock=environment.lock,
        wheel=environment.wheel,
        interpreter=environment.python,
        python=environment.version,
        plugin=VERSION,
        hermetic=result.hermetic,
        hermetic_reason=result.hermetic_reason,
        services=result.services,
        endpoints=result.endpoints,
        gates=tuple(gate for gate in job.gates if gate.provider in lane.providers),
        workers=str(workers),
        seed=seed,
        machine=platform.node(),
        switches=job.switches,
        environment={"PYTHONHASHSEED": "0" if lane.deterministic else "random", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        coverage=coverage,
        survivors=result.survivors,
        refused=result.refused,
        secrets_found=result.secrets_found,
    )


def finish(job: LaneJob, record: LaneRecord) -> LaneEvidence:
    """Take secrets out of the artifacts, seal them with digests, write the record, and read it all back."""
    folder = job.artifacts
    leaked = redact(folder, secret_values(job.context))
    digests = {name: digest for name in (JOURNAL, JUNIT) if (digest := digest_of(folder / name))}
    record = msgspec.structs.replace(
        record, digests=digests, secrets_found=tuple(dict.fromkeys((*record.secrets_found, *leaked)))
    )
    if job.plan:
        write_plan(folder / PLAN, sealed_plans({job.lane.name: job.plan}))
    write_atomically(folder / RECORD, msgspec.json.format(msgspec.json.encode(sealed(record)), indent=2))
    return collect(folder)


def failed_record(job: LaneJob, failure: str, code: str = "") -> LaneEvidence:
    """Return the evidence of a lane that could not even be started, and keep it with the artifacts."""
    now = time.time()
    job.artifacts.mkdir(parents=True, exist_ok=True)
    record = LaneRecord(
        run_id=job.run_id,
        lane=job.lane.name,
        kind=job.lane.kind.value,
        shard=job.shard,
        shards=job.lane.shards,
        started_at=now,
        finished_at=now,
        failure=failure,
        plugin=VERSION,
        tree=tree_of(job.settings),
        drift=(failure,) if code == "DRIFT" else (),
    )
    return finish(job, record)
