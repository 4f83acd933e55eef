"""Shards chosen with `-k`, through nox and the command line: a verdict of these shards, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.tiny import TinyProject

PINNED = "import pytest\n@pytest.mark.shard('{}')\ndef test_pinned(): pass\n"


@pytest.fixture
def sharded(tiny: TinyProject) -> TinyProject:
    """A project with a lane of two shards, each with a test."""
    tiny.lanes(nd={"kind": "nondeterministic", "tests": ["nd"], "shards": ["shard_a", "shard_b"]})
    for shard in ("shard_a", "shard_b"):
        tiny.test(PINNED.format(shard), f"nd/test_{shard}.py")
    return tiny


@pytest.mark.parametrize(
    ("words", "addopts", "checks"),
    [
        (("nd", "--", "-k", "not shard_b"), "", ["nd/shard_a"]),
        (("nd",), "-k 'shard_b' -q", ["nd/shard_b"]),
        (("nd",), "-k 'shard_b or shard_a'", ["nd/shard_a", "nd/shard_b"]),
    ],
    ids=["after --", "variable", "both"],
)
def test_names_of_shards_choose_shards(
    sharded: TinyProject, words: tuple[str, ...], addopts: str, checks: list[str]
) -> None:
    """The verdict is of the chosen shards, green, and not PARTIAL; the others have not run."""
    ran = sharded.nox(*words, PYTEST_ADDOPTS=addopts)
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert [check["name"] for check in ran.verdict["checks"]] == checks
    folders = sorted(path.parent.name for path in Path(sharded.path).glob(".artifacts/nd/*/lane.json"))
    assert folders == [check.removeprefix("nd/") for check in checks]


def test_any_other_expression_stays_partial(sharded: TinyProject) -> None:
    """A test's name selects within the shards, and such a run is never green, wherever `-k` stands."""
    for words, addopts in ((("-k", "test_pinned"), ""), ((), "-k 'shard_b or test_pinned'")):
        ran = sharded.greenlane("lane", "nd", *words, PYTEST_ADDOPTS=addopts)
        assert ran.code == 1, ran.output
        assert "PARTIAL" in ran.codes


def test_a_choice_of_nothing_is_a_mistake(sharded: TinyProject) -> None:
    """An expression that leaves no shard is exit 2, and not a green run of nothing."""
    ran = sharded.greenlane("lane", "nd", "shard_b", "-k", "not shard_b")
    assert ran.code == 2
    assert "CONFIG_ERROR: -k 'not shard_b' leaves no shard of nd; it chooses among shard_b" in ran.output


def test_a_policy_needs_every_shard(sharded: TinyProject) -> None:
    """`ready` is the verdict of a policy: a choice of shards keeps it from being whole."""
    ran = sharded.greenlane("ready", "--policy", "deploy", PYTEST_ADDOPTS="-k shard_b")
    assert ran.code == 1
    assert "PARTIAL" in ran.codes
