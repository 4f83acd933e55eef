"""Writes down what control saw of a lane, sealed with the digests of what the lane wrote."""

from __future__ import annotations

import platform
import re
import time
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from greenlane.environment.drift import import_names
from greenlane.evidence.artifacts import JOURNAL, JUNIT, OUTPUT, PLAN, RECORD
from greenlane.evidence.evidence import Environment, LaneEvidence, LaneRecord, LaneResult
from greenlane.evidence.reader import collect, digest_of, seal_record
from greenlane.run.assembly import secret_values
from greenlane.run.job import LaneJob
from greenlane.run.planning import write_plan
from greenlane.run.prepared import PreparedLane
from greenlane.run.tree import tree_of
from greenlane.sharding.plans import plan_digest, plan_file
from greenlane.util.files import write_atomically
from greenlane.util.redaction import redact
from greenlane.version import VERSION


def lane_record(
    prepared: PreparedLane, result: LaneResult, *, seed: int, workers: int, coverage: float | None
) -> LaneRecord:
    """Return what control saw of a lane.

    Args:
        prepared: the lane; result: what the supervisor answered.
        seed: of a random order; workers: processes that shared the work.
        coverage: percent; None when it was not measured.
    """
    job, lane = prepared.job, prepared.job.lane
    return LaneRecord(
        **asdict(job.identity),
        result=result,
        environment=prepared.environment,
        plan=plan_digest(lane.name, job.plan) if job.plan else "",
        plan_source=job.plan.source if job.plan else "",
        budget=lane.budget or 0.0,
        complaint=complaint(job.artifacts / OUTPUT, result.exit_status),
        tree=prepared.tree,
        plugin=VERSION,
        gates=tuple(gate for gate in job.gates if gate.provider in lane.providers),
        workers=str(workers),
        seed=seed,
        machine=platform.node(),
        switches=job.switches,
        variables={"PYTHONHASHSEED": "0" if lane.deterministic else "random", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        coverage=coverage,
        imports=import_names(Path(prepared.environment.location)),
    )


def finish(job: LaneJob, record: LaneRecord) -> LaneEvidence:
    """Take secrets out of the artifacts, seal them with digests, write the record, and read it all back."""
    folder = job.artifacts
    leaked = redact(folder, secret_values(job.context))
    digests = {name: digest for name in (JOURNAL, JUNIT) if (digest := digest_of(folder / name))}
    found = tuple(dict.fromkeys((*record.result.secrets_found, *leaked)))
    result = msgspec.structs.replace(record.result, secrets_found=found)
    record = msgspec.structs.replace(record, digests=digests, result=result)
    if job.plan:
        write_plan(folder / PLAN, plan_file({job.lane.name: job.plan}))
    write_atomically(folder / RECORD, msgspec.json.format(msgspec.json.encode(seal_record(record)), indent=2))
    return collect(folder)


def failed_record(job: LaneJob, failure: str, code: str = "") -> LaneEvidence:
    """Return the evidence of a lane that could not even be started, and keep it with the artifacts."""
    now = time.time()
    job.artifacts.mkdir(parents=True, exist_ok=True)
    record = LaneRecord(
        **asdict(job.identity),
        result=LaneResult(started_at=now, finished_at=now, failure=failure),
        environment=Environment(drift=(failure,) if code == "DRIFT" else ()),
        plugin=VERSION,
        tree=tree_of(job.settings),
    )
    return finish(job, record)


BEFORE_TESTS = (3, 4)
"""Exit statuses of a pytest that ended by an internal error or a usage error."""

_COMPLAINT = re.compile(
    r"^(?:INTERNALERROR> |ERROR: (?!usage: )|\S.*: error: |E   )(?!Traceback|\s)(.+)$", re.MULTILINE
)
"""How pytest tells of a wrong ini file or plugin, argparse of a wrong option, and both of a conftest that fails."""


_INTERNAL = re.compile(r"INTERNALERROR> (?:E\s+)?([A-Za-z_][\w.]*: (?!Traceback).+)$", re.MULTILINE)
"""How pytest tells of an exception in a hook; one of a worker stands within the report of xdist's own."""

_RAISED = re.compile(r"^Traceback \(most recent call last\):\n(?:^\s.*\n)+^(\w[\w.]*(?:: .+)?)$", re.MULTILINE)
"""How Python tells of an exception that nobody caught, as pytest's own while it reads its configuration."""

_BEGAN = re.compile(r"^=+ test session starts =+$", re.MULTILINE)


def complaint(log: Path, status: int | None) -> str:
    """Return the line in which a pytest told why it ended before its tests; empty where it did not, or ran them.

    Args:
        status: exit status of the lane's pytest.
    """
    if status not in (1, *BEFORE_TESTS) or not log.exists():
        return ""
    text = log.read_text(encoding="utf-8", errors="replace")
    if status in BEFORE_TESTS:
        found = _INTERNAL.search(text) or _COMPLAINT.search(text)
        return found.group(1).strip() if found else ""
    raised = [] if _BEGAN.search(text) else _RAISED.findall(text)
    return raised[-1].strip() if raised else ""
