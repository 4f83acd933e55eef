"""What the judge must find proved, for what was asked and for the project as it is now, and who else examines it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.config.services import gated_services
from greenlane.environment.build import lock_digest
from greenlane.errors import ExtensionError
from greenlane.evidence.evidence import DeclaredLane, GateState, LaneEvidence, Requirements
from greenlane.evidence.violation import Violation
from greenlane.history.ledger import in_force, read_ledger
from greenlane.judge.examiners import Examiner, objection, shielded
from greenlane.judge.quarantine import day_of
from greenlane.judge.requirements import checks_of, lane_of_provider
from greenlane.run.claims import unclaimed_files
from greenlane.run.request import RunRequest, lane_as_asked
from greenlane.run.tree import tree_of
from greenlane.util.extensions import EXAMINERS, Extension, extensions, load
from greenlane.version import VERSION


def make_requirements(
    settings: Settings, request: RunRequest, gates: tuple[GateState, ...], run_id: str
) -> Requirements:
    """Return what the judge must find proved."""
    lanes = [lane_as_asked(settings, request, name) for name in request.lanes]
    owners = lane_of_provider(settings.configuration)
    ledger = in_force(settings, read_ledger(settings))
    covered = {lane.name: lane.coverage.fail_under for lane in lanes if lane.coverage}
    return Requirements(
        policy=request.policy,
        lane=request.lane,
        checks=tuple(check for lane in lanes for check in checks_of(lane, request.shards)),
        strict=request.strict,
        expected=request.expected,
        fail_on_skip=settings.fail_on_skip,
        services=_services(settings, request),
        providers={p: lane for p, lane in owners.items() if not request.lane or lane in request.lanes},
        declared=settings.configuration.providers,
        kinds={lane.name: lane.kind.value for lane in lanes},
        fail_under=covered,
        tree=tree_of(settings),
        locks=_locks(settings, lanes),
        run_id=run_id,
        plugin=VERSION,
        gates=tuple(state for state in gates if not request.lane or owners.get(state.provider) in request.lanes),
        lanes=tuple(name for name, lane in settings.configuration.lanes.items() if not lane.variant_of),
        declared_lanes=_declared(settings),
        variants={lane.name: lane.variant_of for lane in settings.configuration.lanes.values() if lane.variant_of},
        reaching=tuple(lane.name for lane in lanes if lane.reach),
        ledger=ledger,
        unclaimed=() if request.lane else unclaimed_files(settings, ledger),
        quarantine_kinds=tuple(kind.value for kind in settings.configuration.quarantine.kinds),
        today=day_of(time.time()),
    )


def _declared(settings: Settings) -> tuple[DeclaredLane, ...]:
    """Return every lane that the file declares, with the policies that need it."""
    configuration = settings.configuration
    gated = gated_services(configuration)
    return tuple(
        DeclaredLane(
            name=name, kind=lane.kind.value, tests=lane.tests, shards=lane.shards, budget=lane.budget or 0.0,
            providers={provider: configuration.providers[provider].host for provider in lane.providers},
            services=tuple(service for service in lane.services if service in gated),
            policies=tuple(
                policy for policy, made in configuration.policies.items()
                if name in made.lanes or {*lane.providers} & {*made.expect}
            ),
        )
        for name, lane in configuration.lanes.items() if not lane.variant_of
    )  # fmt: skip


def _services(settings: Settings, request: RunRequest) -> dict[str, tuple[str, ...]]:
    """Return the lanes of each service that is a check of its own, as far as they are wanted."""
    users = gated_services(settings.configuration)
    wanted = {name: tuple(lane for lane in lanes if lane in request.lanes) for name, lanes in users.items()}
    return {name: lanes for name, lanes in wanted.items() if lanes}


def _locks(settings: Settings, lanes: Sequence[Lane]) -> dict[str, str]:
    """Return the digest of each lane's lock; a lane without one has failed already."""
    return {lane.name: lock_digest(settings.root / lane.lock) for lane in lanes if (settings.root / lane.lock).exists()}


def as_left(before: Requirements, settings: Settings, request: RunRequest) -> Requirements:
    """Return requirements with what may be another after lanes have run: the state of the work tree, and the locks.

    Args:
        before: what was required before the first of them.
    """
    lanes = [lane_as_asked(settings, request, name) for name in request.lanes]
    return msgspec.structs.replace(before, tree=tree_of(settings), locks=_locks(settings, lanes))


def added_examiners() -> tuple[Examiner, ...]:
    """Return every examiner that is an extension; one that cannot be loaded objects by its name."""
    return tuple(_examiner(extension) for extension in extensions(EXAMINERS))


def _examiner(extension: Extension) -> Examiner:
    """Return one examiner."""
    try:
        return shielded(extension.label, load(extension))
    except ExtensionError as error:
        found = objection(error.message)

    def object_to(_evidence: LaneEvidence, _requirements: Requirements) -> tuple[Violation, ...]:
        return (found,)

    return object_to
