"""How a lane is cut: even, whole, disjoint, the same on every machine, and never by a plan of something else."""

from __future__ import annotations

import random

import pytest

from greenlane.sharding.plan import PlanSource, ShardPlan
from greenlane.sharding.plans import (
    expected_work,
    longest_first,
    make_plan,
    misfit,
    pin_of,
    plan_digest,
    plan_file,
    pull_order,
)
from support.evidence import but
from support.worlds import SHARDS, World, assert_exactly_once


def test_every_test_runs_exactly_once_in_any_world() -> None:
    """Three hundred of the worlds that `proof` has ten thousand of."""
    dice = random.Random(7)
    for _ in range(300):
        assert_exactly_once(dice)


def test_machines_with_other_histories_make_other_plans_and_their_digests_say_so() -> None:
    """Two plans that cut alike have one digest; any other pair is told apart."""
    dice = random.Random(8)
    differed = 0
    for _ in range(300):
        world = World(dice)
        plans = [make_plan(expected_work(own, world.defined, world.pins), world.shards) for own in world.histories]
        same = plans[0].files == plans[1].files
        assert same == (plan_digest("nd", plans[0]) == plan_digest("nd", plans[1]))
        differed += not same
    assert differed > 50


def test_longest_first_is_close_to_even() -> None:
    """500 tests, lognormal with sigma 2, on 4 shards, with a perfect history: within 2 % of what is possible."""
    for seed in range(5):
        dice = random.Random(seed)
        seconds = {f"tests/test_{n}.py": dice.lognormvariate(0, 2) for n in range(500)}
        plan = longest_first(seconds, ("a", "b", "c", "d"))
        busy = [sum(s for name, s in seconds.items() if plan[name] == shard) for shard in "abcd"]
        assert max(busy) <= 1.02 * max(sum(seconds.values()) / 4, *seconds.values())


def test_the_longest_goes_first_and_ties_go_by_name() -> None:
    """The order of the table does not matter."""
    seconds = {"c": 1.0, "a": 1.0, "b": 5.0}

    assert pull_order(seconds) == pull_order(dict(reversed(seconds.items()))) == ["b", "a", "c"]
    assert longest_first(seconds, ("x", "y")) == {"b": "x", "a": "y", "c": "y"}


def test_pinned_work_counts_for_its_shard() -> None:
    """A shard that has a pinned minute gets the other files last."""
    durations = {"p.py::slow": 60.0, "a.py::t": 5.0, "b.py::t": 4.0}
    work = expected_work(durations, {"p.py": 1, "a.py": 1, "b.py": 1}, {"p.py": "x"})

    plan = make_plan(work, ("x", "y"))

    assert (plan.files["a.py"], plan.files["b.py"]) == ("y", "y")
    assert plan.seconds == {"x": 60.0, "y": 9.0}


def test_a_file_without_a_record_counts_with_the_mean_of_its_tests() -> None:
    """A new file of three tests among tests of two seconds is expected to take six."""
    work = expected_work({"a.py::t": 2.0, "gone.py::t": 90.0}, {"a.py": 1, "new.py": 3, "empty.py": 0}, {})

    assert work.files == {"a.py": 2.0, "new.py": 6.0, "empty.py": 2.0}


def test_without_a_record_there_is_only_the_hash() -> None:
    """Durations of files that are gone are no record."""
    plan = make_plan(expected_work({"gone.py::t": 1.0}, {"a.py": 1}, {}), SHARDS)

    assert plan == ShardPlan(shards=SHARDS)
    assert plan.source is PlanSource.HASH


@pytest.mark.parametrize(
    ("nodeid", "shard"),
    [
        ("a.py::test_x[p::q]", "one"),
        ("a.py::TestC::test_m", "two"),
        ("a.py::TestC::test_n[1]", "three"),
        ("b[1].py::test_x", "four"),
        ("a.py::test_y", ""),
    ],
)
def test_the_nearest_pin_counts(nodeid: str, shard: str) -> None:
    """Function before class before file; parameters and brackets in a path are no part of a name."""
    pins = {"a.py::test_x": "one", "a.py::TestC": "two", "a.py::TestC::test_n": "three", "b[1].py": "four"}

    assert pin_of(nodeid, pins) == shard


GOOD = ShardPlan(shards=("a", "b"), files={"t.py": "b"}, source=PlanSource.DURATIONS)


def test_a_plan_that_fits() -> None:
    """The lane and its shards are those that it was made for."""
    assert misfit(plan_file({"nd": GOOD}), "nd", ("a", "b")) == ""


@pytest.mark.parametrize(
    ("plan", "lane", "shards", "why"),
    [
        (plan_file({"nd": GOOD}), "slow", ("a", "b"), "it has no plan for lane slow; it has nd"),
        (plan_file({"nd": GOOD}), "nd", ("a", "c"), "it cuts nd into a, b; the lane has a, c"),
        (plan_file({"nd": but(GOOD, files={"t.py": "z"})}), "nd", ("a", "b"), "it sends files to shard 'z', which nd"),
        (plan_file({"nd": but(GOOD, queue="q")}), "nd", ("a", "b"), "its files are pulled from queue 'q'; use --queue"),
        (but(plan_file({"nd": GOOD}), lanes={"nd": but(GOOD, files={})}), "nd", ("a", "b"), "it was changed after it"),
    ],
    ids=["lane", "shards", "strange-shard", "queue", "edited"],
)
def test_a_plan_of_something_else_is_refused(plan: object, lane: str, shards: tuple[str, ...], why: str) -> None:
    """And it is said why."""
    assert misfit(plan, lane, shards).startswith(why)  # type: ignore[arg-type]
