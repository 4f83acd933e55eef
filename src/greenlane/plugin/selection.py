"""Which of the collected tests run here: the shard, the closed gates, the order; and a record of all of it."""

from __future__ import annotations

import random
import sys
from collections.abc import Generator
from typing import Any

import pytest

from greenlane.evidence.contract import Contract, Task
from greenlane.evidence.journal import Collected
from greenlane.plugin.journal import Journal
from greenlane.plugin.lanes import Lanes
from greenlane.plugin.samples import Samples
from greenlane.sharding.assignment import assign, assignment_digest, digest, file_of, follow_services, pull

NARROWING = (
    ("keyword", "-k"),
    ("markexpr", "-m"),
    ("deselect", "--deselect"),
    ("lf", "--lf"),
    ("stepwise", "--stepwise"),
    ("ignore", "--ignore"),
    ("ignore_glob", "--ignore-glob"),
    ("collectonly", "--collect-only"),
    ("setuponly", "--setup-only"),
    ("setupplan", "--setup-plan"),
    ("inifilename", "-c"),
)
"""Options of pytest that make it run less than everything: attribute and spelling."""

NARROWING_INI = (
    "addopts", "filterwarnings", "norecursedirs", "python_classes", "python_files", "python_functions", "testpaths",
    "xfail_strict",
)  # fmt: skip
"""Ini names that, overridden on the command line, change what is collected or what counts as a failure."""


def narrowing(config: pytest.Config, contract: Contract) -> tuple[str, ...]:
    """Return the options in force that make this run less than the whole lane, wherever they came from."""
    found = [spelling for attribute, spelling in NARROWING if getattr(config.option, attribute, None)]
    overrides = getattr(config.option, "override_ini", None) or []
    found += [f"-o {entry}" for entry in overrides if entry.split("=")[0] in NARROWING_INI]
    if tuple(config.args) != contract.tests:
        extra = [word for word in config.args if word not in contract.tests]
        found.append(f"arguments {' '.join(extra or config.args)}")
    if sys.flags.optimize:
        found.append("python -O (assertions are off)")
    return tuple(found)


def _needs(item: pytest.Item) -> tuple[str, ...]:
    """Return the services that a test says it needs."""
    return tuple(dict.fromkeys(str(name) for mark in item.iter_markers("needs") for name in mark.args))


def _refused(item: pytest.Item) -> int:
    """Return how many requests a test says that a service refuses as wrong.

    Raises:
        pytest.UsageError: it says so without a number from 1 up.
    """
    numbers: list[Any] = [(*mark.args, mark.kwargs.get("n"))[0] for mark in item.iter_markers("refused")]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise pytest.UsageError(f"greenlane: refused of {item.nodeid}: {number!r} is not a number from 1 up")
    return sum(numbers)


class Selection:
    """Chooses the tests of this shard after every other plugin had its say, and records the whole.

    Args:
        samples: who knows which tests are run several times.
        lanes: who knows which tests are other lanes'.
    """

    def __init__(
        self, config: pytest.Config, contract: Contract, journal: Journal, samples: Samples, lanes: Lanes
    ) -> None:
        self._lanes = lanes
        self._config = config
        self._samples = samples
        self._contract = contract
        self._journal = journal
        self._seen: list[str] = []
        self.free: frozenset[str] = frozenset()
        self.collection = ""

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Remember every test at the moment when it is found."""
        self._seen.append(item.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Record what was found, what others dropped, and what runs here."""
        self._lanes.divide(items)
        # Before pytest groups by fixtures of wider scope: each of them is still made once, whatever the order.
        self._order(items)
        # Before `-k` is asked: it finds a test by its shard, pinned or planned.
        for item, shard in zip(items, self._plan(items).values(), strict=False):
            item.extra_keyword_matches.add(shard)
        yield
        kept = {item.nodeid for item in items}
        everything = sorted(set(self._seen) - self._lanes.left.keys())
        plan = self._plan(items)
        self._keep_shard(items, plan)
        providers = self._close_gates(items)
        needs = self._do_without(items)
        self.collection = digest(everything)
        self._journal.write(
            Collected,
            tests=tuple(everything),
            digest=self.collection,
            selected=tuple(sorted({item.nodeid for item in items} - self.free)),
            plan=assignment_digest(plan) if plan else "",
            dropped=tuple(nodeid for nodeid in everything if nodeid not in kept),
            left=tuple(sorted(self._lanes.left)),
            gaps=tuple(self._lanes.gaps),
            twice=self._lanes.twice,
            providers=providers,
            needs=needs,
            refused={item.nodeid: n for item in items if (n := _refused(item))},
            samples=self._samples.groups(items),
        )

    def _plan(self, items: list[pytest.Item]) -> dict[str, str]:
        """Return the shard of each test; empty when the lane has no shards."""
        if not self._contract.shards or self._contract.only:
            return {}
        pins = {item.nodeid: str(mark.args[0]) for item in items if (mark := item.get_closest_marker("shard"))}
        try:
            pins = follow_services({item.nodeid: _needs(item) for item in items}, pins, self._contract.services)
            nodeids = [item.nodeid for item in items]
            if self._contract.task is Task.PULL:
                return pull(nodeids, pins, self._contract.shards)
            return assign(nodeids, pins, self._contract.shards, self._contract.plan)
        except ValueError as error:
            raise pytest.UsageError(f"greenlane: {error}") from error

    def _keep_shard(self, items: list[pytest.Item], plan: dict[str, str]) -> None:
        """Leave only the tests of this shard in the list."""
        if not plan or not self._contract.shard:
            return
        mine = (self._contract.shard, "")
        others = [item for item in items if plan[item.nodeid] not in mine]
        items[:] = [item for item in items if plan[item.nodeid] in mine]
        self.free = frozenset(item.nodeid for item in items if not plan[item.nodeid])
        if others:
            self._config.hook.pytest_deselected(items=others)

    def _close_gates(self, items: list[pytest.Item]) -> dict[str, str]:
        """Skip the tests of closed providers with the reason; return the provider of each test."""
        providers: dict[str, str] = {}
        for item in items:
            mark = item.get_closest_marker("provider")
            if mark is None:
                continue
            name = providers[item.nodeid] = str(mark.args[0])
            if name in self._contract.closed:
                item.add_marker(pytest.mark.skip(reason=f"{name}: {self._contract.closed[name]}"))
        return providers

    def _do_without(self, items: list[pytest.Item]) -> dict[str, tuple[str, ...]]:
        """Skip the tests that need a service which this run does without; return the needs of each test.

        Raises:
            pytest.UsageError: a test needs a service that the lane does not have.
        """
        needs = {item.nodeid: names for item in items if (names := _needs(item))}
        for item in items:
            for name in needs.get(item.nodeid, ()):
                if name not in self._contract.services:
                    known = ", ".join(self._contract.services) or "none"
                    raise pytest.UsageError(f"greenlane: {item.nodeid} needs {name!r}; services of the lane: {known}")
                if name in self._contract.absent:
                    item.add_marker(pytest.mark.skip(reason=f"{name}: {self._contract.absent[name]}"))
        return needs

    def _order(self, items: list[pytest.Item]) -> None:
        """Shuffle files, and tests within files, when the contract asks for a random order.

        Files stay together, so that module fixtures run once and a seed means the same under any distribution.
        """
        if self._contract.order != "random":
            return
        shuffler = random.Random(self._contract.seed)
        files: dict[str, list[pytest.Item]] = {}
        for item in sorted(items, key=lambda item: item.nodeid):
            files.setdefault(file_of(item.nodeid), []).append(item)
        groups = list(files.values())
        shuffler.shuffle(groups)
        for group in groups:
            shuffler.shuffle(group)
        items[:] = [item for group in groups for item in group]
