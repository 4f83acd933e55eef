"""What must be run and proved for a policy, given what the environment expects on top."""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.schema import Configuration
from greenlane.config.services import gated_services
from greenlane.evidence.evidence import GateState


def checks_of(lane: Lane, shards: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the check names of a lane: itself, or one for each of its (named) shards."""
    chosen = tuple(shards) or lane.shards
    return tuple(f"{lane.name}/{shard}" for shard in chosen) or (lane.name,)


def needed_lanes(
    configuration: Configuration, lanes: Iterable[str], expected: Iterable[str], live: bool
) -> tuple[str, ...]:
    """Return the lanes that a verdict needs, in the order of the configuration.

    Args:
        lanes: those of the policy.
        expected: names that must run and pass; each brings the lane that it belongs to.
        live: whether live checks are asked for, which brings every release lane.
    """
    needed = set(lanes)
    for name in expected:
        needed.add(name.split("/")[0])
        needed.update(lane.name for lane in configuration.lanes.values() if name in lane.providers)
        needed.update(gated_services(configuration).get(name, ()))
    if live:
        needed.update(lane.name for lane in configuration.lanes.values() if lane.kind is LaneKind.RELEASE)
    return tuple(name for name in configuration.lanes if name in needed)


def lane_of_provider(configuration: Configuration) -> dict[str, str]:
    """Return the lane in which each provider is tried."""
    return {provider: lane.name for lane in configuration.lanes.values() for provider in lane.providers}


def any_open(lane: Lane, gates: Iterable[GateState]) -> bool:
    """Return whether a lane has anything that it may run: no live provider at all, or an open one."""
    if not lane.providers:
        return True
    return any(gate.open for gate in gates if gate.provider in lane.providers)
