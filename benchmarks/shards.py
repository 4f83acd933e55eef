"""How even shards are, beside pytest-split, in one run.

    nox -s bench -- shards [--quick] [--rounds 200] [--tests 500] [--shards 4] [--json FILE]

Tests of lognormal duration (sigma 2), each a file of its own, are cut by what a history says of them: the truth; or
30 % of it off by a factor of 3, up or down. The figure is the time of the last shard divided by what no cut beats: the
mean of all shards, or the longest test. Planned shards run what the plan says; pulling shards take the file that is
thought to be the longest whenever they are free. Every subject gets the same worlds; the medians have the limits.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from greenlane.sharding.plans import expected_work, make_plan, pull_order

SIGMA = 2.0
WRONG, FACTOR = 0.3, 3.0
LIMITS = {
    ("greenlane plan", "perfect"): 1.02,
    ("greenlane plan", "30 % off"): 1.20,
    ("greenlane pull", "30 % off"): 1.05,
}

Cut = Callable[[Mapping[str, float], Mapping[str, float], int], float]
"""Time of the last shard, from true durations, those that a history has, and the number of shards."""


@dataclass(frozen=True)
class Item:
    """A test as pytest-split wants to see it."""

    nodeid: str


def planned(truth: Mapping[str, float], history: Mapping[str, float], count: int) -> float:
    """Cut by our plan, which sees files and what is recorded of them."""
    shards = [f"shard_{number}" for number in range(count)]
    recorded = {f"{name}::test": seconds for name, seconds in history.items()}
    plan = make_plan(expected_work(recorded, dict.fromkeys(truth, 1), {}), shards)
    return max(sum(seconds for name, seconds in truth.items() if plan.files[name] == shard) for shard in shards)


def pulled(truth: Mapping[str, float], history: Mapping[str, float], count: int) -> float:
    """Let whoever is free take the next file of our queue."""
    free = [0.0] * count
    for name in pull_order(history):
        heapq.heappush(free, heapq.heappop(free) + truth[name])
    return max(free)


def split(algorithm: str) -> Cut:
    """Return the cut of pytest-split by one of its algorithms."""
    from pytest_split.algorithms import Algorithms

    def cut(truth: Mapping[str, float], history: Mapping[str, float], count: int) -> float:
        groups = Algorithms[algorithm].value(count, [Item(name) for name in truth], dict(history))
        return max(sum(truth[item.nodeid] for item in group.selected) for group in groups)

    return cut


def subjects() -> dict[str, Cut]:
    """Return everybody who is measured; pytest-split only where it is installed."""
    ours: dict[str, Cut] = {"greenlane plan": planned, "greenlane pull": pulled}
    try:
        return {
            **ours, "pytest-split default": split("duration_based_chunks"),
            "pytest-split least_duration": split("least_duration"),
        }  # fmt: skip
    except ImportError:
        print("pytest-split is not installed here and is left out")
        return ours


def worlds(seed: int, tests: int) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return true durations, and what each history says of them."""
    dice = random.Random(seed)
    truth = {f"tests/test_{number:03d}.py": dice.lognormvariate(0, SIGMA) for number in range(tests)}
    off = {
        name: seconds * dice.choice((FACTOR, 1 / FACTOR)) if dice.random() < WRONG else seconds
        for name, seconds in truth.items()
    }
    return truth, {"perfect": truth, "30 % off": off}


def main() -> int:
    """Measure and print; 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20 worlds")
    parser.add_argument("--rounds", type=int, default=200, help="worlds (default: 200)")
    parser.add_argument("--tests", type=int, default=500)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--json", default="", metavar="FILE")
    options = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    cuts = subjects()
    for seed in range(20 if options.quick else options.rounds):
        truth, histories = worlds(seed, options.tests)
        bound = max(sum(truth.values()) / options.shards, *truth.values())
        for name, cut in cuts.items():
            for what, history in histories.items():
                found.setdefault((name, what), []).append(cut(truth, history, options.shards) / bound)
    print(f"{options.tests} tests, lognormal sigma {SIGMA:g}, {options.shards} shards: last shard / lower bound")
    rows, missed = [], False
    for (name, what), ratios in found.items():
        row = {"subject": name, "history": what, "median": statistics.median(ratios), "worst": max(ratios)}
        limit = LIMITS.get((name, what))
        told = f"  limit {limit:.2f}" if limit else ""
        print(f"{name:<28} {what:<9} median {row['median']:.3f}  worst {row['worst']:.3f}{told}")
        missed |= limit is not None and statistics.median(ratios) > limit
        rows.append({**row, "limit": limit})
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
