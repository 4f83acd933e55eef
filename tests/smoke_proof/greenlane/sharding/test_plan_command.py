"""`greenlane plan`, and shards that are cut by what it made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.tiny import TinyProject

ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "shards": ["shard_a", "shard_b"]}
FILES = 5
TIMES = {f"tests/test_{n}.py::test_one": float(seconds) for n, seconds in enumerate((9, 4, 3, 2, 1))}


@pytest.fixture
def sharded(make_tiny: Callable[..., TinyProject]) -> Callable[..., TinyProject]:
    """Make a project with a lane of two shards, five files, and recorded durations (none for None)."""

    def make(name: str = "tiny", times: dict[str, float] | None = TIMES) -> TinyProject:
        tiny = make_tiny(name).lanes(nd=ND).section("policies", {"all": {"lanes": ["nd"]}})
        for number in range(FILES):
            tiny.write(f"tests/test_{number}.py", "def test_one(): pass\ndef test_two(): pass\n")
        if times is not None:
            tiny.write(".greenlane/durations.json", json.dumps({"schema": 1, "lanes": {"nd": times}}))
        return tiny

    return make


def ran(tiny: TinyProject, shard: str) -> set[str]:
    """Return the files that ran in a shard."""
    lines = (tiny.path / ".artifacts" / "nd" / shard / "journal.jsonl").read_text().splitlines()
    return {e["nodeid"].split("::")[0] for e in map(json.loads, lines) if e["event"] == "test_finished"}


def record(tiny: TinyProject, shard: str) -> dict[str, Any]:
    """Return the record of a shard."""
    loaded: dict[str, Any] = json.loads((tiny.path / ".artifacts" / "nd" / shard / "lane.json").read_text())
    return loaded


def test_it_shows_what_each_shard_has_to_do(sharded: Callable[..., TinyProject]) -> None:
    """The longest file stands alone; the digest is in the artifacts of a run by the plan."""
    shown = sharded().greenlane("plan")
    assert shown.code == 0, shown.output
    lines = shown.output.splitlines()
    assert lines[0].startswith("nd: longest first over recorded durations, plan ")
    assert [line.split()[:4] for line in lines[1:]] == [
        ["shard_a", "2", "files", "10.0"],
        ["shard_b", "3", "files", "9.0"],
    ]


def test_one_plan_for_two_machines(sharded: Callable[..., TinyProject], tmp_path: Path) -> None:
    """Made once and carried, it cuts the shards of machines whose own histories differ; the merge is READY."""
    first, second = sharded("first"), sharded("second", {"tests/test_4.py::test_one": 99.0})
    plan = tmp_path / "plan.json"
    made = first.greenlane("plan", "nd", "--out", str(plan))
    assert made.output.splitlines()[-1] == f"written to {plan}: run shards with --plan {plan}"
    assert first.greenlane("lane", "nd", "shard_a", "--plan", str(plan)).code == 0
    assert second.greenlane("lane", "nd", "shard_b", GREENLANE_PLAN=str(plan)).code == 0
    assert ran(first, "shard_a") == {"tests/test_0.py", "tests/test_4.py"}
    assert ran(second, "shard_b") == {"tests/test_1.py", "tests/test_2.py", "tests/test_3.py"}
    assert record(first, "shard_a")["plan"] == record(second, "shard_b")["plan"] != ""
    merged = first.greenlane(
        "verdict", str(first.path / ".artifacts"), str(second.path / ".artifacts"), "--policy", "all"
    )
    assert merged.code == 0, merged.output


def test_machines_that_carry_no_plan_lose_nothing(sharded: Callable[..., TinyProject]) -> None:
    """Each has its own history; both cut by the stable hash, and the merge proves it whole."""
    first, second = sharded("first"), sharded("second", {"tests/test_4.py::test_one": 99.0})
    assert first.greenlane("lane", "nd", "shard_a").code == second.greenlane("lane", "nd", "shard_b").code == 0
    assert record(first, "shard_a")["plan_source"] == record(second, "shard_b")["plan_source"] == "hash"
    assert ran(first, "shard_a") | ran(second, "shard_b") == {f"tests/test_{n}.py" for n in range(FILES)}
    merged = first.greenlane(
        "verdict", str(first.path / ".artifacts"), str(second.path / ".artifacts"), "--policy", "all"
    )
    assert merged.code == 0, merged.output


def test_a_whole_lane_on_one_machine_is_cut_by_its_history(sharded: Callable[..., TinyProject]) -> None:
    """And a shard that is then run by itself without that plan does not fit, which is said, with both plans."""
    tiny = sharded()
    assert tiny.greenlane("lane", "nd").code == 0
    assert ran(tiny, "shard_a") == {"tests/test_0.py", "tests/test_4.py"}
    kept = tiny.path / ".artifacts" / "nd" / "shard_a" / "plan.json"
    assert tiny.greenlane("lane", "nd", "shard_b", "--plan", str(kept)).code == 0
    assert tiny.greenlane("verdict", "--policy", "all").code == 0
    assert tiny.greenlane("lane", "nd", "shard_b").code == 0
    red = tiny.greenlane("verdict", "--policy", "all")
    assert (red.code, red.codes) == (1, {"SHARD_MISMATCH"}), red.output
    assert "shard_a by durations " in red.message("SHARD_MISMATCH")
    assert "shard_b by hash " in red.message("SHARD_MISMATCH")


WRONG = {
    "missing": (None, "plan plan.json: No such file or directory"),
    "no json": ("{", "plan plan.json is no plan: "),
    "schema": ('{"schema": 2, "lanes": {}}', "plan plan.json has schema 2; this greenlane reads 1"),
    "edited": ('{"lanes": {}, "digest": "0"}', "plan plan.json is not for this run: it was changed after it was made"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_plan_is_a_configuration_error(
    sharded: Callable[..., TinyProject], content: str | None, message: str
) -> None:
    """Nothing is run, the plan is named, and the way to a right one is told."""
    tiny = sharded()
    if content is not None:
        tiny.write("plan.json", content)
    red = tiny.greenlane("lane", "nd", "--plan", "plan.json")
    assert red.code == 2
    assert f"CONFIG_ERROR: {message}" in red.output, red.output
    assert "  next: make it for this run: greenlane plan --out plan.json" in red.output


def test_a_plan_without_history_says_so(sharded: Callable[..., TinyProject]) -> None:
    """There is nothing to balance by."""
    shown = sharded(times=None).greenlane("plan")
    assert (shown.code, shown.output) == (
        0, "nd: no recorded durations, so files go by the stable hash of their names\n",
    )  # fmt: skip


def test_what_cannot_be_planned(tiny: TinyProject) -> None:
    """A lane without shards, or a project without sharded lanes."""
    for words, message in ((["core"], "lane core is not sharded"), ([], "no lane is sharded")):
        red = tiny.greenlane("plan", *words)
        assert red.code == 2
        assert f"CONFIG_ERROR: {message}" in red.output


def test_damaged_durations_are_an_error(sharded: Callable[..., TinyProject]) -> None:
    """More than no history: somebody must look."""
    tiny = sharded().write(".greenlane/durations.json", "{")
    red = tiny.greenlane("plan")
    assert red.code == 2
    assert "durations.json is no file of durations" in red.output
    assert json.loads(sharded("other").greenlane("plan", "--json").output)["lanes"]["nd"]["source"] == "durations"
