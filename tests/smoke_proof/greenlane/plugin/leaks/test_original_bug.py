"""The bug that started the project: its test is the first row, and those around it are silent, in any order."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.journal import Leaked, Settled
from support.lane_project import LaneProject
from support.original_bug import FILES, GUILTY, LINE


@pytest.mark.parametrize(
    ("words", "order", "seed"),
    [(("-n", "0"), "file", 0), (("-n", "0"), "random", 1), (("-n", "0"), "random", 2), (("-n", "2"), "random", 3)],
)
def test_the_guilty_test_is_the_only_row(tmp_path: Path, words: tuple[str, ...], order: str, seed: int) -> None:
    """One leak, with its line as a fact; maps, callbacks, counters, classes and pooled threads only settle."""
    project = LaneProject(tmp_path)
    for name, text in FILES.items():
        project.write(name, text)
    line = [row.strip() for row in (tmp_path / "tests/test_tools.py").read_text().splitlines()].index(LINE) + 1

    run = project.run(*words, leaks=LeakPolicy(watch=("agent_proxy",)), order=order, seed=seed)

    (leak,) = run.of(Leaked)
    assert (leak.nodeid, leak.what, leak.blame) == (GUILTY, "agent_proxy.HttpToolsInvoker", "leak"), run.output
    assert (leak.where, leak.sure, leak.restored) == (f"tests/test_tools.py:{line}", True, True)
    assert [name for name, outcome in run.outcomes.items() if outcome != "passed"] == ["test_tool_is_called"]
    assert run.output.count("LEAK ") - run.output.count("Failed: LEAK ") == 1
    settled = {event.what for event in run.of(Settled)}
    assert {"agent_proxy.errors.ERRORS", "agent_proxy.callbacks.success", "agent_proxy.models.FIELDS"} <= settled
