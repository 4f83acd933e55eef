"""The sabotage of nd: gateways that spoil what a real model says are red on the variance tests, each for its fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.real_model import RealModel
from support.variance import verdict_on_gateway

pytestmark = [pytest.mark.needs("model"), pytest.mark.shard("shard_b")]

PROXY = Path(__file__).parents[1] / "support" / "faulty_gateway.py"
VARIANCE = "tests/smoke_nd/variance"
FAULTS = {
    "canned": ("test_chance.py", "test_seeds_differ"),
    "temperature": ("test_chance.py", "test_temperature_zero_repeats"),
    "mixed": ("test_conversations.py", "test_ten_conversations_do_not_mix"),
}


@pytest.fixture
def faulty(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a gateway with the fault of the test's parameter, before the lane's own."""
    command = [sys.executable, str(PROXY), request.param, os.environ["MINI_AGENT_API_BASE"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.mark.parametrize(("faulty", "fault"), [(name, name) for name in FAULTS], indirect=["faulty"], ids=FAULTS)
def test_a_faulty_gateway_is_red(model: RealModel, faulty: str, fault: str, tmp_path: Path) -> None:
    """The judge calls it red, and names the test that its fault breaks; canned answers are CANNED besides."""
    file, broken = FAULTS[fault]
    verdict = verdict_on_gateway(faulty, [f"{VARIANCE}/{file}"], tmp_path, seed=1)
    found = {(violation.code.value, violation.subject) for violation in verdict.violations}
    assert ("FAILED", f"{VARIANCE}/{file}::{broken}") in found, found
    assert not verdict.ready
    assert (fault == "canned") == any(code == "CANNED" for code, _ in found)
    for subject in ("a bell", "a road"):
        model.ask(f"Say a word about {subject}.", max_tokens=8)
