"""Which shard runs which test."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.sharding.assignment import assign, assignment_digest, digest, file_of

SHARDS = ("shard_a", "shard_b", "shard_c")
NODES = st.lists(
    st.builds(
        lambda file, name: f"tests/{file}.py::{name}",
        st.text("abcé[/ ", min_size=1, max_size=3),
        st.text("xyz[:]é", min_size=1, max_size=4),
    ),
    unique=True,
    max_size=30,
)


@settings(max_examples=40, deadline=None, database=None)
@given(nodes=NODES, count=st.integers(1, 3), order=st.randoms(use_true_random=False), data=st.data())
def test_a_plan_is_whole_disjoint_and_the_same_in_any_order(
    nodes: list[str], count: int, order: random.Random, data: st.DataObject
) -> None:
    """Every test is in exactly one known shard, whatever the order of collection; pins are kept, files together."""
    shards = SHARDS[:count]
    chosen = data.draw(st.lists(st.sampled_from(nodes), unique=True)) if nodes else []
    pins = {nodeid: data.draw(st.sampled_from(shards)) for nodeid in chosen}

    plan = assign(nodes, pins, shards)
    shuffled = order.sample(nodes, len(nodes))
    again = assign(shuffled, pins, shards)

    assert set(plan) == set(nodes)
    assert set(plan.values()) <= set(shards)
    assert plan == again
    assert assignment_digest(plan) == assignment_digest(again)
    assert all(plan[nodeid] == shard for nodeid, shard in pins.items())
    homes: dict[str, set[str]] = {}
    for nodeid in set(nodes) - set(pins):
        homes.setdefault(file_of(nodeid), set()).add(plan[nodeid])
    assert all(len(home) == 1 for home in homes.values())


def test_a_file_goes_where_it_went_yesterday() -> None:
    """The hash is stable across machines, versions and hash seeds: these are its values."""
    nodes = [f"tests/test_{letter}.py::test_x" for letter in "abcdef"]

    assert list(assign(nodes, {}, ("a", "b")).values()) == ["b", "b", "b", "a", "b", "a"]


def test_many_files_are_spread_over_all_shards() -> None:
    """No shard is left without a fair part."""
    plan = assign([f"tests/test_{n}.py::t" for n in range(300)], {}, SHARDS)

    assert min(list(plan.values()).count(shard) for shard in SHARDS) > 70


def test_a_pin_to_an_unknown_shard_is_refused() -> None:
    """The message names test, shard and the shards that there are."""
    with pytest.raises(ValueError, match=r"t\.py::x is pinned to shard 'c'; the lane has a, b"):
        assign(["t.py::x"], {"t.py::x": "c"}, ("a", "b"))


def test_a_digest_sees_order_and_borders() -> None:
    """Two lists that join to the same text are different lists."""
    assert len({digest(["ab", "c"]), digest(["a", "bc"]), digest(["c", "ab"]), digest(["abc"])}) == 4


def test_an_assignment_digest_sees_every_change() -> None:
    """Another shard for one test is another assignment."""
    assert assignment_digest({"a": "1", "b": "2"}) != assignment_digest({"a": "1", "b": "1"})


def test_names_that_are_no_unicode_can_be_hashed() -> None:
    """A file name of undecodable bytes carries surrogates."""
    assert digest(["tests/\udcff.py"]) != digest(["tests/\udcfe.py"])
