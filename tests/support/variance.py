"""Runs variance tests of nd against another gateway than the lane's, and judges them as the lane would be judged."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from greenlane.evidence.contract import CONTRACT_VARIABLE, Contract
from greenlane.evidence.evidence import Environment, LaneEvidence, LaneRecord, LaneResult, Requirements, ServiceRecord
from greenlane.evidence.reader import read_journal
from greenlane.evidence.verdict import Verdict
from greenlane.ext.llm.examiners import answers
from greenlane.judge.judge import judge
from greenlane.run.census import sample_marks
from greenlane.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 50


def verdict_on_gateway(base: str, files: Sequence[str], folder: Path, seed: int) -> Verdict:
    """Return the verdict on a gateway.

    Args:
        base: its address.
        files: test files, relative to the project.
        folder: empty folder for artifacts.
        seed: of the run.
    """
    arguments = (*files, "-p", "no:cacheprovider", "-q", "--timeout", str(SECONDS), f"--basetemp={folder / 'tmp'}")
    contract = Contract(
        run_id="faulty", lane="nd", kind="nondeterministic", project=str(ROOT), artifacts=str(folder),
        arguments=arguments, tests=tuple(files), plugin=VERSION, services={"model": ()}, seed=seed,
    )  # fmt: skip
    path = folder / "contract.json"
    path.write_bytes(msgspec.json.encode(contract))
    environ = {**os.environ, "MINI_AGENT_API_BASE": base, CONTRACT_VARIABLE: str(path)}
    started = time.time()
    command = [sys.executable, "-P", "-s", "-m", "greenlane.plugin.runner", str(path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    model = ServiceRecord(name="model", started=True, model=os.environ["ND_MODEL"], gated=True)
    record = LaneRecord(
        run_id="faulty", lane="nd", kind="nondeterministic", plugin=VERSION, seed=seed,
        result=LaneResult(
            started_at=started, finished_at=time.time(), exit_status=done.returncode, services=(model,)
        ),
        environment=Environment(python=sys.executable), samples=sample_marks(ROOT, files),
    )  # fmt: skip
    evidence = LaneEvidence(record=record, journal=read_journal(folder / "journal.jsonl"))
    assert evidence.journal.collected, done.stdout + done.stderr
    demand = Requirements(policy="", lane="nd", checks=("nd",), plugin=VERSION, services={"model": ("nd",)})
    return judge(demand, [evidence], more=(answers,))
