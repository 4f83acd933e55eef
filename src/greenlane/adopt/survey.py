"""Runs a suite while it is only looked at: three times cut off from the network, once plainly where that must be."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from greenlane.adopt.placement import Observed, failing
from greenlane.config.context import Context
from greenlane.config.lanes import Lane, LaneKind
from greenlane.environment.variables import lane_environment
from greenlane.errors import ConfigError, Interrupted
from greenlane.evidence.artifacts import OUTPUT
from greenlane.evidence.evidence import LaneEvidence, Uncollected
from greenlane.evidence.ledger import Facts
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.run.job import LaneJob, new_run_id
from greenlane.run.lane import run_lane
from greenlane.run.prepared import job_installer
from greenlane.run.services import ServiceResolver
from greenlane.sharding.assignment import file_of

PURPOSE = "survey"
PATIENCE = 120.0
"""Seconds that one test may take while a suite is observed."""

BUDGET = 3600.0
"""Seconds that one of the runs may take."""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a survey.

    Attributes:
        observed: what the suite did.
        seconds: that one run of it took, the median of all.
        longest: seconds of the slowest test.
        seed: of the random run.
        uncollected: tests that files define and that were not collected.
        facts: of the machine and the environment that it ran in.
    """

    observed: Observed
    seconds: float
    longest: float
    seed: int
    uncollected: tuple[Uncollected, ...] = ()
    facts: Facts = Facts()


def observing_lane(lane: Lane) -> Lane:
    """Return a lane as it is observed: whole, in one process, hermetic, with patience."""
    return msgspec.structs.replace(
        lane, kind=LaneKind.DETERMINISTIC, shards=(), coverage=None, services=(), providers=(), pythons=(), workers=0,
        order="file", budget=BUDGET, test_timeout=PATIENCE,
    )  # fmt: skip


def survey(context: Context, lane: Lane, interpreter: str = "") -> Survey:
    """Run a suite twice in its own order and once in a random one; what always fails, once more under plain pytest.

    Args:
        context: of the call.
        lane: whose environment and tests are looked at.
        interpreter: path of the Python that is used as it is; empty for the environment of the lane's lock.

    Raises:
        ConfigError: the lock is missing or wrong, or pytest did not get as far as running tests.
        EnvironmentBuildError: the environment could not be built.
        Interrupted: it was stopped.
    """
    lane = observing_lane(lane)
    runs = [_observe(context, lane, number, interpreter) for number in (1, 2)]
    seed = int(time.time())
    shuffled = msgspec.structs.replace(lane, order="random")
    runs.append(_observe(context, shuffled, 3, interpreter, seed))
    first, second, third = (run.journal for run in runs)
    observed = Observed(first=first, second=second, shuffled=third)
    used = runs[0].record
    python = used.environment.python
    always = failing(observed)
    if always:
        context.say(f"survey: {len(always)} always fail; their files are run under plain pytest")
        observed = msgspec.structs.replace(observed, plainly=_plainly(context, python, always))
    return Survey(
        observed=observed,
        seconds=sorted(run.record.duration for run in runs)[1],
        longest=max((test.duration for run in runs for test in run.journal.outcomes), default=0.0),
        seed=seed,
        uncollected=used.uncollected,
        facts=msgspec.structs.replace(first.facts, imports=used.imports),
    )


def _observe(context: Context, lane: Lane, number: int, interpreter: str, seed: int | None = None) -> LaneEvidence:
    """Run the suite once.

    Raises:
        ConfigError: pytest did not get as far as running tests.
        Interrupted: it was stopped.
    """
    job = LaneJob(
        context=context, lane=lane, shard="", run_id=new_run_id(), gates=(), purpose=f"{PURPOSE}-{number}", seed=seed,
        observe=True, interpreter=interpreter,
    )  # fmt: skip
    installer = job_installer(job)
    evidence = run_lane(job, installer, ServiceResolver(context, installer))
    record, journal = evidence.record, evidence.journal
    if record.result.interrupted:
        raise Interrupted("the survey was stopped before its end")
    if record.result.failure or record.complaint or not (journal.collected or journal.collect_errors):
        log = job.artifacts / OUTPUT
        raise ConfigError(
            record.result.failure
            or f"pytest runs no test of {', '.join(lane.tests)}: {record.complaint or 'none found'}",
            "name what the suite needs with --group, --extra or --requirements, and where it is by pytest's testpaths",
            "\n".join(_tail(log)),
        )
    order = "in random order" if lane.order == "random" else "in its own order"
    bad = sum(test.outcome.bad for test in journal.outcomes) + len(journal.collect_errors)
    context.say(f"survey: run {number} of 3 {order}: {len(journal.outcomes)} tests, {bad} bad, {record.duration:.1f} s")
    return evidence


def _tail(log: Path, lines: int = 12) -> list[str]:
    """Return the last lines of a log."""
    try:
        return log.read_text("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []


def _plainly(context: Context, interpreter: str, nodeids: Sequence[str]) -> dict[str, TestOutcome]:
    """Return how the tests of some files end under plain pytest: with the network, without anything of ours."""
    files = list(dict.fromkeys(file_of(nodeid) for nodeid in nodeids))
    with tempfile.TemporaryDirectory(prefix="greenlane-plain-") as folder:
        report = Path(folder) / "junit.xml"
        binaries = os.pathsep.join((str(Path(interpreter).parent), "/usr/local/bin", "/usr/bin", "/bin"))
        base = {"PATH": binaries, "HOME": folder, "LANG": "C.UTF-8", "TMPDIR": folder}
        command = [interpreter, "-P", "-s", "-m", "pytest", *files, f"--junitxml={report}", "-o", "junit_family=xunit1"]
        command += ["-o", f"cache_dir={folder}/cache", "-q"]
        subprocess.run(
            command, cwd=context.settings.root, env=lane_environment(context.environ, base_environment=base),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
            timeout=BUDGET,
        )  # fmt: skip
        try:
            cases = ElementTree.parse(report).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError):
            return {}
        ends = [_end(case) for case in cases]
    return _by_nodeid(nodeids, ends)


def _end(case: ElementTree.Element) -> tuple[tuple[str, str], TestOutcome]:
    """Return what a case of JUnit is called, and how it ended."""
    bad = case.find("failure") if case.find("failure") is not None else case.find("error")
    name = (case.get("classname", ""), case.get("name", ""))
    cause = (bad.get("message") or "").splitlines()[:1] if bad is not None else []
    outcome = (
        Outcome.FAILED if bad is not None else Outcome.SKIPPED if case.find("skipped") is not None else Outcome.PASSED
    )
    return name, TestOutcome(nodeid="::".join(name), outcome=outcome, cause="".join(cause))


def _by_nodeid(nodeids: Sequence[str], ends: Sequence[tuple[tuple[str, str], TestOutcome]]) -> dict[str, TestOutcome]:
    """Return outcomes by node id; JUnit writes `tests/a.py::C::t[x]` as class `tests.a.C` and name `t[x]`."""
    known = dict(ends)
    found = {}
    for nodeid in nodeids:
        head, _, parameters = nodeid.partition("[")
        *path, name = head.split("::")
        module = path[0].removesuffix(".py").replace("/", ".") if path else ""
        key = (".".join([module, *path[1:]]), f"{name}[{parameters}" if parameters else name)
        if not path:  # a file that could not be collected
            whole = name.removesuffix(".py").replace("/", ".")
            key = next((k for k, _ in ends if k[0] == whole or k[0].startswith(f"{whole}.")), ("", whole))
        if key in known:
            found[nodeid] = msgspec.structs.replace(known[key], nodeid=nodeid)
    return found
