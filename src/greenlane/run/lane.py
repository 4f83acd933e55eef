"""One lane or shard from its environment to its evidence."""

from __future__ import annotations

import msgspec

from greenlane.evidence.artifacts import JOURNAL
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.reader import read_journal
from greenlane.judge.census import uncollected
from greenlane.run.census import sample_marks, take_census
from greenlane.run.claims import claims_of
from greenlane.run.job import LaneJob
from greenlane.run.planned import plan_lane
from greenlane.run.prepared import prepared_lane
from greenlane.run.record import finish
from greenlane.run.reuse import still_true, with_seen
from greenlane.run.services import ServiceResolver
from greenlane.run.stale import forget_bytecode
from greenlane.run.supervise import supervised_lane
from greenlane.run.tamper_check import TamperCheck
from greenlane.run.tree import files_of
from greenlane.util.work_tree import changed_files, state_of


def run_lane(job: LaneJob, resolver: ServiceResolver | None = None) -> LaneEvidence:
    """Run one lane or shard and return its evidence; or that of an earlier run, where it is asked for and still true.

    Args:
        resolver: who builds environments, and finds places for services in a run of several lanes.

    Raises:
        ConfigError: the lock is missing or wrong.
        EnvironmentBuildError: the environment could not be built.
        Interrupted: the supervisor died before it could write its answer.
    """
    settings = job.settings
    with prepared_lane(job, resolver) as prepared:
        tamper_check = TamperCheck(job.artifacts, prepared.scratch)
        planned = plan_lane(prepared, tamper_check)
        kept, seen = still_true(prepared, planned)
        if kept is not None:
            return kept
        forget_bytecode(settings.root)
        # Before any of the lane's code runs: what it defines, as nobody can talk away.
        census = take_census(settings.root, job.lane.tests, claims_of(settings, job.ledger, job.lane))
        marks = sample_marks(settings.root, job.lane.tests)
        record = with_seen(prepared, supervised_lane(prepared, planned), seen)
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
