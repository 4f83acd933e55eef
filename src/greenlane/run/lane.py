"""One lane or shard from its environment to its evidence."""

from __future__ import annotations

import msgspec

from greenlane.environment.installers import Installer
from greenlane.evidence.artifacts import JOURNAL
from greenlane.evidence.evidence import LaneEvidence, LaneRecord
from greenlane.evidence.reader import read_journal
from greenlane.judge.census import uncollected
from greenlane.run import coverage as measure
from greenlane.run.bytecode import forget_bytecode
from greenlane.run.census import sample_marks, take_census
from greenlane.run.claims import claims_of
from greenlane.run.job import LaneJob
from greenlane.run.planned import PlannedLane, plan_lane
from greenlane.run.prepared import PreparedLane, prepared_lane
from greenlane.run.record import finish, lane_record
from greenlane.run.reuse import still_true, with_seen
from greenlane.run.services import ServiceResolver
from greenlane.run.supervise import run_supervisor
from greenlane.run.tamper_check import TamperCheck
from greenlane.run.tree import files_of
from greenlane.run.watching import watched
from greenlane.util.work_tree import changed_files, state_of


def run_lane(job: LaneJob, installer: Installer, resolver: ServiceResolver) -> LaneEvidence:
    """Run one lane or shard and return its evidence; or that of an earlier run, where it is asked for and still true.

    Args:
        job: what is run.
        installer: who builds the environment; resolver: who finds places for services that have another.

    Raises:
        ConfigError: the lock is missing or wrong.
        EnvironmentBuildError: the environment could not be built.
        Interrupted: the supervisor died before it could write its answer.
    """
    settings = job.settings
    with prepared_lane(job, installer, resolver) as prepared:
        forget_bytecode(settings.root)
        # Before any of the lane's code runs: what it defines, as nobody can talk away.
        census = take_census(settings.root, job.lane.tests, claims_of(settings, job.ledger, job.lane))
        marks = sample_marks(settings.root, job.lane.tests)
        tamper_check = TamperCheck(job.artifacts, prepared.scratch)
        planned = plan_lane(prepared, tamper_check)
        kept, seen = still_true(prepared, planned)
        if kept is not None:
            return kept
        record = with_seen(prepared, _supervise(prepared, planned), seen)
        damage = tamper_check.damage(record.result.hermetic)
        lost = uncollected(census, read_journal(job.artifacts / JOURNAL)) if not record.result.failure else ()
        after = files_of(settings)
        record = msgspec.structs.replace(
            record,
            damage=damage,
            environment=prepared.environment_now(),
            tree_after=state_of(after),
            tree_changes=changed_files(prepared.files, after),
            uncollected=lost,
            samples=marks,
        )
        return finish(job, record)


def _supervise(prepared: PreparedLane, planned: PlannedLane) -> LaneRecord:
    """Run the supervisor, and return the lane record made from its answer."""
    job, plan, config = prepared.job, planned.plan, planned.measuring
    python, root = prepared.environment.python, job.settings.root
    with watched(job, plan, planned.workers) as output:
        result = run_supervisor(plan, job, output)
    measured = measure.percent(python, config, root, plan.environment) if config else None
    if config and measured is not None:
        measure.reports(python, config, root, plan.environment)
    return lane_record(prepared, result, seed=planned.seed, workers=planned.workers, coverage=measured)
