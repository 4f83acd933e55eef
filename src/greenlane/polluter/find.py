"""Finds what makes a test fail only in company, by a search in the lane's own environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane
from greenlane.config.leaks import LeakPolicy
from greenlane.config.load import Settings
from greenlane.errors import ConfigError, GreenlaneError
from greenlane.evidence.artifacts import JOURNAL, OUTPUT
from greenlane.evidence.contract import Task
from greenlane.evidence.evidence import GateState
from greenlane.evidence.reader import read_journal
from greenlane.evidence.search import Findings
from greenlane.polluter.process import promised, supervised
from greenlane.polluter.suspects import Traces
from greenlane.run.contract import leak_policy
from greenlane.run.job import LaneJob, new_run_id
from greenlane.run.prepared import prepared_lane
from greenlane.supervisor.plan import OutputMode, SearchPlan, Sought

PURPOSE = "polluter"


def _watching(settings: Settings) -> LeakPolicy:
    """Return what the leak guard looks at when it is asked for names: at something in any case."""
    leaks = leak_policy(settings)
    return leaks if leaks.level != "off" else msgspec.structs.replace(leaks, level="warn")


def make_job(context: Context, lane: Lane, gates: tuple[GateState, ...], interpreter: str = "") -> LaneJob:
    """Return a request for a lane's environment, or an interpreter as it is, in which something else is done."""
    return LaneJob(
        context=context, lane=msgspec.structs.replace(lane, shards=(), coverage=None), shard="", run_id=new_run_id(),
        gates=gates, purpose=PURPOSE, color=context.color, interpreter=interpreter,
    )  # fmt: skip


def search(job: LaneJob, victim: str, known: Traces, seed: int | None, *, quiet: bool) -> Findings:
    """Search in copies of one lane process.

    Args:
        known: what is known from an earlier run.
        seed: of the order in which tests are tried; None for the order of the files.
        quiet: whether progress is kept to the log.

    Raises:
        ConfigError: this system cannot copy processes.
        GreenlaneError: the lane process did not come to its end.
    """
    (findings,) = search_each(job, {victim: known}, seed, quiet=quiet)
    return msgspec.structs.replace(findings, leaks=read_journal(job.artifacts / JOURNAL).leaks)


def search_each(
    job: LaneJob, victims: Mapping[str, Traces], seed: int | None, *, quiet: bool, patience: float = 0.0
) -> list[Findings]:
    """Search for each victim in turn, in copies of the same lane process; leaks are not told.

    Args:
        job, seed, quiet: as of `search`.
        victims: what is known of each, by node id.
        patience: seconds after which nothing further is tried; 0 for no limit.

    Raises:
        ConfigError: this system cannot copy processes.
        GreenlaneError: the lane process did not come to its end.
    """
    if not hasattr(os, "fork"):
        raise ConfigError("greenlane polluter needs a system with fork", "search on Linux or macOS")
    sought = tuple(
        Sought(victim=victim, suspects=known.suspects, before=known.before, helping=known.helping)
        for victim, known in victims.items()
    )
    with prepared_lane(job) as prepared:
        answer = prepared.scratch / "findings.json"
        plan = SearchPlan(sought=sought, patience=patience, cores=os.cpu_count() or 1, answer=str(answer))
        contract = promised(prepared, Task.PROBE, job.lane.tests, _watching(job.settings), seed)
        supervised(prepared, contract, output_mode=OutputMode.NONE if quiet else OutputMode.OWN, search=plan)
        try:
            return msgspec.json.decode(answer.read_bytes(), type=list[Findings])
        except OSError as error:
            log = job.artifacts / OUTPUT
            raise GreenlaneError("the lane ended before the search did", f"read {log}") from error


def replay(job: LaneJob, tests: Sequence[str]) -> int:
    """Run tests in this order in one ordinary process, where nothing is restored between them; return pytest's status.

    Raises:
        Interrupted: it was stopped.
    """
    with prepared_lane(job) as prepared:
        return supervised(prepared, promised(prepared, Task.REPLAY, tuple(tests), LeakPolicy(level="off")))
