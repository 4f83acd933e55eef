"""Makes, carries and reads the plans of sharded lanes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.journal_reader import UNREADABLE
from greenlane.run.expected import expected
from greenlane.sharding.plan import PLAN_SCHEMA, PLAN_VARIABLE, PlanFile, PlanSource, ShardPlan
from greenlane.sharding.plans import make_plan, misfit, plan_file
from greenlane.sharding.pulling import QUEUE_VARIABLE
from greenlane.supervisor.plan import PullPlan
from greenlane.util.files import write_atomically


def choose_plan(settings: Settings, lane: Lane, wanted: Sequence[str], carried: str) -> ShardPlan | None:
    """Return the plan of a run; None for a lane without shards.

    A carried plan wins. A run of every shard is one run on one machine, so the durations that are recorded here may cut
    it. Whoever runs some shards only cannot know what the other machines have recorded: the stable hash is the same for
    all of them.

    Args:
        wanted: the shards that run here.
        carried: path of a plan that was made for this run; empty for none.

    Raises:
        ConfigError: the carried plan cannot be read, or is not for this lane.
    """
    if not lane.shards:
        return None
    if carried:
        return carried_plan(Path(carried), lane)
    return recorded_plan(settings, lane) if set(wanted) >= set(lane.shards) else ShardPlan(shards=lane.shards)


def queued_plan(lane: Lane, wanted: Sequence[str], queue: str) -> ShardPlan:
    """Return the plan of a shard that pulls files from a queue.

    Raises:
        ConfigError: a queue is of no use to this lane, or to several shards that run here one after the other.
    """
    if lane.deterministic:
        raise ConfigError(f"--queue: {lane.name} has no network, so nobody can ask a queue for it")
    if len(wanted) != 1 or not lane.shards:
        known = ", ".join(lane.shards) or "none, the lane is not sharded"
        raise ConfigError(f"--queue: name the one shard of {lane.name} that runs here; known: {known}")
    return ShardPlan(shards=lane.shards, source=PlanSource.QUEUE, queue=queue)


def pull_plan(context: Context, lane: Lane, shard: str, queue: str, tree: str) -> PullPlan:
    """Return what a shard needs to pull files from a queue: the shared history's database, and what takes longest.

    Args:
        queue: name of the queue; tree: state of the work tree.

    Raises:
        ConfigError: the libraries that a database needs are not installed here.
    """
    try:
        from greenlane.history.database import address
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--queue: {error.name} is not installed here", "use nox, or pip install alembic sqlalchemy"
        ) from error
    return PullPlan(
        url=address(context), queue=f"{queue}/{lane.name}", shard=shard, life=secrets.token_hex(8), tree=tree,
        seconds=expected(context.settings, lane).files,
    )  # fmt: skip


def named_queue(option: str, environ: Mapping[str, str]) -> str:
    """Return the name of the queue that the caller asks for, the option before the variable; empty for none."""
    return option or environ.get(QUEUE_VARIABLE, "").strip()


def named_plan(option: str, environ: Mapping[str, str]) -> str:
    """Return the path of the plan that the caller carries, the option before the variable; empty for none."""
    return option or environ.get(PLAN_VARIABLE, "").strip()


def recorded_plan(settings: Settings, lane: Lane) -> ShardPlan:
    """Return the plan that the recorded durations give for the files that are there now."""
    return make_plan(expected(settings, lane), lane.shards)


def make_plans(settings: Settings, lanes: Sequence[Lane]) -> PlanFile:
    """Return one plan for several sharded lanes, to be carried to every machine of a run."""
    return plan_file({lane.name: recorded_plan(settings, lane) for lane in lanes})


def write_plan(path: Path, file: PlanFile) -> None:
    """Write a plan, aside first, so that nobody reads half of it."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")


def carried_plan(path: Path, lane: Lane) -> ShardPlan:
    """Return the plan of a lane from a file that was made for this run.

    Raises:
        ConfigError: it cannot be read, was changed, or is for other shards.
    """
    again = f"make it for this run: greenlane plan --out {path}"
    try:
        file = msgspec.json.decode(path.read_bytes(), type=PlanFile)
    except OSError as error:
        raise ConfigError(f"plan {path}: {error.strerror}", again) from error
    except UNREADABLE as error:
        raise ConfigError(f"plan {path} is no plan: {error}", again) from error
    if file.schema != PLAN_SCHEMA:
        raise ConfigError(f"plan {path} has schema {file.schema}; this greenlane reads {PLAN_SCHEMA}", again)
    wrong = misfit(file, lane.name, lane.shards)
    if wrong:
        raise ConfigError(f"plan {path} is not for this run: {wrong}", again)
    return file.lanes[lane.name]
