"""What must be run for a policy and for what the environment expects on top."""

from __future__ import annotations

import pytest

from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.schema import Configuration
from greenlane.judge.requirements import any_open, checks_of, lane_of_provider, needed_lanes
from support.evidence import closed

CORE = Lane(name="core", kind=LaneKind.DETERMINISTIC, tests=("c",))
ND = Lane(name="nd", kind=LaneKind.NONDETERMINISTIC, tests=("n",), shards=("a", "b"))
LIVE = Lane(name="live", kind=LaneKind.RELEASE, tests=("l",), providers=("gemini", "openai"))
ALL = Configuration(lanes={"core": CORE, "nd": ND, "live": LIVE})


@pytest.mark.parametrize(
    ("lanes", "expected", "live", "needed"),
    [
        pytest.param(("core",), (), False, ("core",), id="policy"),
        pytest.param(("nd", "core"), (), False, ("core", "nd"), id="order-of-the-configuration"),
        pytest.param(("core",), ("nd",), False, ("core", "nd"), id="expected-lane"),
        pytest.param(("core",), ("nd/b",), False, ("core", "nd"), id="expected-shard-brings-its-whole-lane"),
        pytest.param(("core",), ("gemini",), False, ("core", "live"), id="expected-provider-brings-its-lane"),
        pytest.param(("core",), (), True, ("core", "live"), id="live-asked-for"),
        pytest.param((), (), False, (), id="nothing"),
    ],
)
def test_lanes_follow_from_policy_expectation_and_live(
    lanes: tuple[str, ...], expected: tuple[str, ...], live: bool, needed: tuple[str, ...]
) -> None:
    """An expectation brings the lane in which it can be met."""
    assert needed_lanes(ALL, lanes, expected, live) == needed


@pytest.mark.parametrize(
    ("lane", "shards", "checks"),
    [
        pytest.param(CORE, (), ("core",), id="whole"),
        pytest.param(ND, (), ("nd/a", "nd/b"), id="every-shard"),
        pytest.param(ND, ("b",), ("nd/b",), id="named-shard"),
    ],
)
def test_a_lane_has_a_check_for_each_part(lane: Lane, shards: tuple[str, ...], checks: tuple[str, ...]) -> None:
    """A sharded lane is never one check: each part must be proved."""
    assert checks_of(lane, shards) == checks


def test_each_provider_has_its_lane() -> None:
    """Rows of providers are made from the lane that tries them."""
    assert lane_of_provider(ALL) == {"gemini": "live", "openai": "live"}


def test_a_lane_runs_when_it_may_run_anything() -> None:
    """One open gate is enough; gates of other lanes' providers do not matter."""
    open_openai = closed("openai").__class__(provider="openai", open=True)
    foreign = closed("mem").__class__(provider="mem", open=True)

    assert any_open(CORE, [closed()])
    assert any_open(LIVE, [closed(), open_openai])
    assert not any_open(LIVE, [closed(), foreign])
