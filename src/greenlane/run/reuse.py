"""Evidence that is still true in the place of a run: all that a hermetic lane can see, as one value to compare by."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import msgspec

from greenlane.evidence.artifacts import SEEN
from greenlane.evidence.contract import Contract
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.reader import digest_of
from greenlane.evidence.reuse import Seen
from greenlane.run.inputs import Inputs
from greenlane.run.kept import take
from greenlane.run.planned import PlannedLane
from greenlane.run.prepared import PreparedLane
from greenlane.supervisor.plan import Plan
from greenlane.util.files import write_atomically

SYSTEM = ("/etc/os-release", "/var/lib/dpkg/status", "/lib/apk/db/installed", "/var/lib/rpm/rpmdb.sqlite")
"""Files that tell which programs and libraries of the system a lane can use."""


def still_true(prepared: PreparedLane, planned: PlannedLane) -> tuple[LaneEvidence | None, Seen | None]:
    """Return evidence of an earlier run, where it is asked for and still true, and what the lane can see now.

    The second is None for a lane whose result cannot be used again. Why a deterministic lane is run is said.
    """
    job = prepared.job
    why = _hindrance(prepared, planned.inputs)
    seen = None if why else _seen_by(prepared, planned.inputs, planned.plan, planned.contract)
    kept = None
    if job.reuse and seen is not None:
        kept, why = take(job, seen, prepared.tree)
    if job.reuse and job.lane.deterministic and kept is None:
        job.context.say(f"{job.label}: runs, {why}")
    return kept, seen


def with_seen(prepared: PreparedLane, record: LaneRecord, seen: Seen | None) -> LaneRecord:
    """Return a record that names what its lane could see, left beside it, where the kernel enforced that."""
    if seen is None or record.result.hermetic != "kernel":
        return record
    write_atomically(prepared.job.artifacts / SEEN, msgspec.json.encode(seen))
    return msgspec.structs.replace(record, seen=seen.key)


def _hindrance(prepared: PreparedLane, inputs: Inputs) -> str:
    """Return why the result of a lane cannot be used again; empty when it can."""
    job = prepared.job
    if not job.lane.deterministic:
        return f"a {job.lane.kind.value} lane depends on what is outside"
    if job.only or job.reads or job.environ.get("PYTEST_ADDOPTS", "").strip():
        return "only a part of it is asked for"
    if job.seed is not None:
        return "a seed is asked for"
    if job.plan is not None and job.plan.queue:
        return "its shards pull from a queue"
    if prepared.environment.drift:
        return "its environment had drifted"
    return inputs.leads_out


def _seen_by(prepared: PreparedLane, inputs: Inputs, plan: Plan, contract: Contract) -> Seen:
    """Return everything that a hermetic lane can see.

    Args:
        prepared: the lane; inputs: its part of the work tree.
        plan: what the supervisor is told; contract: what the lane is promised.
    """
    environment = prepared.environment
    interpreter = Path(environment.python).resolve()
    # What differs from run to run by nature is no part of it: names of temporary folders, the seed that was drawn.
    lasting = msgspec.structs.replace(plan, secrets={}, contract="", view=None)
    promised = msgspec.structs.replace(contract, run_id="", seed=0)
    return Seen(
        parts={
            "lock": environment.lock,
            "wheels": environment.wheel,
            "interpreter": f"{environment.version} {interpreter} {digest_of(interpreter)}",
            "platform": _platform(),
            "system": _digest([digest_of(Path(path)) for path in SYSTEM]),
            "harness": prepared.harness,
            "configuration": _digest(msgspec.to_builtins(prepared.job.lane)),
            "command, environment and services": _digest(lasting, prepared.scratch),
            "contract": _digest(promised, prepared.scratch),
        },
        files=inputs.files,
    )


def _platform() -> str:
    """Return kernel, machine and C library; `platform.platform` starts a process and reads the interpreter for it."""
    if not hasattr(os, "uname"):
        return platform.platform()
    kernel = os.uname()
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
    return f"{kernel.sysname} {kernel.release} {kernel.version} {kernel.machine} {libc}"


def _digest(value: object, scratch: Path | None = None) -> str:
    """Return the SHA-256 of a value, in which a run's private folder has always the same name."""
    text = msgspec.json.encode(value)
    if scratch is not None:
        text = text.replace(str(scratch).encode(), b"{scratch}")
    return hashlib.sha256(text).hexdigest()
