"""Shards that pull whole files from one queue, through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from support.tiny import TinyProject

ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "shards": ["shard_a", "shard_b"], "workers": 2}
FILES = 6
BODY = """
import pytest

@pytest.fixture(scope="module")
def once():
    made.append(1)

made = []

def test_one(once): pass
def test_two(once): assert made == [1]
"""


@pytest.fixture
def queued(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project with a lane of two shards, six files, and one test that is pinned to shard_b."""
    tiny = make_tiny().lanes(nd=ND).section("policies", {"all": {"lanes": ["nd"]}})
    tiny.section("history", {"ingest": "later"})
    for number in range(FILES):
        tiny.write(f"tests/test_{number}.py", BODY)
    tiny.write(
        "tests/conftest.py",
        """
        import pytest
        made, gone = [], []
        @pytest.fixture(scope="session", autouse=True)
        def session():
            made.append(1)
            yield
            gone.append(1)
        @pytest.fixture(autouse=True)
        def still_there(session):
            assert len(made) == len(gone) + 1
    """,
    )
    return tiny.write("tests/test_pin.py", "import pytest\n@pytest.mark.shard('shard_b')\ndef test_pinned(): pass\n")


def ran(tiny: TinyProject, shard: str) -> list[str]:
    """Return the tests that ran in a shard, in order."""
    lines = (tiny.path / ".artifacts" / "nd" / shard / "journal.jsonl").read_text().splitlines()
    return [event["nodeid"] for event in map(json.loads, lines) if event["event"] == "test_finished"]


def test_two_shards_at_once(queued: TinyProject) -> None:
    """Each file is run by one of them, whole; a pin is kept; the merge proves it, and is READY."""
    runs = [queued.start("lane", "nd", shard, "--queue", "r1") for shard in ("shard_a", "shard_b")]
    outputs = [run.communicate(timeout=150)[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    first, second = ran(queued, "shard_a"), ran(queued, "shard_b")
    assert len(first) + len(second) == len({*first, *second}) == 2 * FILES + 1
    assert second[0] == "tests/test_pin.py::test_pinned"
    assert not {name.split("::")[0] for name in first} & {name.split("::")[0] for name in second}
    merged = queued.greenlane("verdict", "--policy", "all")
    assert merged.code == 0, merged.output


def test_a_shard_that_comes_late_has_nothing_to_do(queued: TinyProject) -> None:
    """All was done when it came: green, and whole. Run again, the first takes its files back; lost, it is missed."""
    times = {"nd": {f"tests/test_{number}.py::test_one": float(number) for number in range(FILES)}}
    queued.write(".greenlane/durations.json", json.dumps({"schema": 1, "lanes": times}))
    assert queued.greenlane("lane", "nd", "shard_b", GREENLANE_QUEUE="r2").code == 0
    late = queued.greenlane("lane", "nd", "shard_a", GREENLANE_QUEUE="r2")
    assert (late.code, ran(queued, "shard_a")) == (0, []), late.output
    files = [name.split("::")[0] for name in ran(queued, "shard_b")[1::2]]
    assert files == [f"tests/test_{number}.py" for number in reversed(range(FILES))]
    merged = queued.greenlane("verdict", "--policy", "all")
    assert merged.code == 0, merged.output
    assert "the other shards had emptied the queue" in merged.output
    again = queued.greenlane("lane", "nd", "shard_b", "--queue", "r2")
    assert (again.code, len(ran(queued, "shard_b"))) == (0, 2 * FILES + 1), again.output
    assert queued.greenlane("verdict", "--policy", "all").code == 0
    (queued.path / ".artifacts/nd/shard_b/lane.json").unlink()
    red = queued.greenlane("verdict", "--policy", "all")
    assert (red.code, red.codes) == (1, {"SHARD_GAP"}), red.output


def test_a_queue_of_another_tree(queued: TinyProject) -> None:
    """A name that was used before is refused: what others ran of another tree leaves nothing out here."""
    assert queued.greenlane("lane", "nd", "shard_a", "--queue", "r6").code == 0
    queued.write("tests/test_0.py", BODY.replace("def test_one(once): pass", "def test_one(once): assert 0"))
    red = queued.greenlane("lane", "nd", "shard_b", "--queue", "r6")
    assert (red.code, "GREEN" in red.output) == (1, False), red.output
    assert "or of another state of the work tree" in red.output


def test_another_collection_is_told_at_once(queued: TinyProject) -> None:
    """Nothing is run, and it is said why."""
    assert queued.greenlane("lane", "nd", "shard_a", "--queue", "r4").code == 0
    queued.write("tests/test_new.py", "def test_new(): pass\n")
    red = queued.greenlane("lane", "nd", "shard_b", "--queue", "r4")
    assert red.code == 1
    assert "holds the files of another collection, or of another state" in red.output
    assert ran(queued, "shard_b") == []


WRONG = {
    "no shard": (["nd"], "--queue: name the one shard of nd that runs here; known: shard_a, shard_b"),
    "two shards": (["nd", "shard_a", "shard_b"], "--queue: name the one shard of nd"),
    "a plan, too": (["nd", "shard_a", "--plan", "p.json"], "a plan and a queue: each cuts the lane in its own way"),
    "deterministic": (["core", "one"], "--queue: core has no network, so nobody can ask a queue for it"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG.keys())
def test_where_a_queue_is_of_no_use(queued: TinyProject, words: list[str], message: str) -> None:
    """A configuration error that says what to name."""
    queued.lanes(nd=ND, core={"kind": "deterministic", "tests": ["tests"], "shards": ["one"]})
    red = queued.greenlane("lane", *words, "--queue", "r5")
    assert red.code == 2
    assert f"CONFIG_ERROR: {message}" in red.output
