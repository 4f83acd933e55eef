"""Synthetic projects and their shards: random durations, pins, changes of the tests, two machines."""

from __future__ import annotations

import random

from greenlane.sharding.assignment import assign, file_of
from greenlane.sharding.plans import expected_work, make_plan

SHARDS = ("shard_a", "shard_b", "shard_c")


class World:
    """One synthetic project: its tests before and after a change, its pins, what two machines recorded.

    Args:
        dice: where everything about it comes from.
    """

    def __init__(self, dice: random.Random) -> None:
        self.shards = SHARDS[: dice.randint(1, 3)]
        files = [f"tests/test_{n}.py" for n in range(dice.randint(1, 6))]
        before = [f"{file}::test_{n}" for file in files for n in range(dice.randint(1, 3))]
        kept = [nodeid for nodeid in before if dice.random() > 0.15]
        renamed = [f"{nodeid}_renamed" if dice.random() < 0.1 else nodeid for nodeid in kept]
        added = [f"tests/test_new_{n}.py::test_{n % 2}" for n in range(dice.randint(0, 3))]
        self.now = renamed + added
        self.histories = [{n: dice.lognormvariate(0, 2) for n in before if dice.random() > 0.3} for _ in (1, 2)]
        self.pins = {nodeid: dice.choice(self.shards) for nodeid in self.now if dice.random() < 0.1}
        self.defined = {file_of(nodeid): 1 for nodeid in self.now}


def assert_exactly_once(dice: random.Random) -> None:
    """Any order of collection, random durations, renamed, added and deleted tests, two machines with other histories.

    One plan is made on the first machine and carried to the others; each machine cuts its own collection by it, in its
    own order. Machines that carry none share the stable hash.

    Raises:
        AssertionError: a test of a world runs twice or never, a pin is not kept, a file is cut in two.
    """
    world = World(dice)
    plan = make_plan(expected_work(world.histories[0], world.defined, world.pins), world.shards)
    for files in (plan.files, {}):
        owners: list[str] = []
        for shard in world.shards:
            order = dice.sample(world.now, len(world.now))
            mine = assign(order, world.pins, world.shards, files)
            owners += [nodeid for nodeid in order if mine[nodeid] == shard]
        assert sorted(owners) == sorted(world.now)
    homes = assign(world.now, world.pins, world.shards, plan.files)
    assert all(homes[nodeid] == shard for nodeid, shard in world.pins.items())
    free = {(file_of(nodeid), shard) for nodeid, shard in homes.items() if nodeid not in world.pins}
    assert len({file for file, _ in free}) == len(free)
