"""Runs a probe as a lane, in the interpreter that runs us, and judges it as every lane is judged."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.config.context import Context, Say
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.ext.probe.asked import Asked
from greenlane.ext.probe.grade import Grade, advisory, found_in, grade, limits
from greenlane.ext.probe.project import LANE, TESTS, context_of_probe, figures, write_project
from greenlane.history.recording import remember
from greenlane.judge.judge import judge
from greenlane.report.write import remove_reports, write_reports
from greenlane.run.job import LaneJob, new_run_id
from greenlane.run.lane import run_lane
from greenlane.run.request import request_of_policy
from greenlane.run.requirements import added_examiners, make_requirements


def probe(
    folder: Path, asked: Asked, environ: Mapping[str, str], say: Say, *, limits_allowed: bool
) -> tuple[Verdict, Grade, list[Path]]:
    """Ask an endpoint; return the verdict, what it comes to, and the reports that were written.

    Args:
        folder: in which the lane lives; asked: what is asked.
        limits_allowed: whether limits end with exit code 0.

    Raises:
        ConfigError: the folder holds something else.
    """
    write_project(folder, asked)
    context = context_of_probe(folder, asked, environ, say)
    settings = context.settings
    remove_reports(settings.root, settings.configuration)
    verdict, evidence = _decided(context, asked, limits_allowed=limits_allowed)
    remember(context, [evidence])
    written = write_reports(verdict, settings.root, settings.configuration, [evidence], say)
    kept = figures(Path(evidence.source or settings.root / settings.configuration.artifacts / LANE))
    return verdict, grade(asked, verdict, evidence, kept), written


def _decided(context: Context, asked: Asked, *, limits_allowed: bool) -> tuple[Verdict, LaneEvidence]:
    """Run the lane and judge it."""
    settings = context.settings
    request = request_of_policy(settings, LANE, asked.seed, fresh=True)
    job = LaneJob(
        context=context, lane=settings.lane(LANE), shard="", run_id=new_run_id(), gates=(), seed=asked.seed,
        interpreter=sys.executable, quiet=True,
    )  # fmt: skip
    evidence = run_lane(job)
    requirements = make_requirements(settings, request, (), job.run_id)
    prefix = (f"{TESTS}::test_check", f"{TESTS}::test_sampled")
    tests = tuple(f"{test}[{name}]" for name in advisory(asked) for test in prefix)
    requirements = msgspec.structs.replace(requirements, advisory=tests)
    verdict = judge(requirements, [evidence], (), added_examiners())
    return msgspec.structs.replace(
        verdict, made_at=time.time(), project=settings.project, limits=limits(found_in(asked, evidence)),
        limits_allowed=limits_allowed,
    ), evidence  # fmt: skip
