"""Runs a test several times with recorded seeds: `@pytest.mark.samples(n, at_least=k)`."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable
from typing import Any

import msgspec
import pytest

from greenlane.config.lanes import LaneKind
from greenlane.evidence.contract import Contract
from greenlane.evidence.samples import SampleGroup
from greenlane.judge.samples import MARK, group_of, sample_id, seed_of, wrong_numbers

FIXTURE = "sample"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One of several runs of a test; `number` counts from 1, `seed` is its own, 0 to 2**31 - 1."""

    number: int
    of: int
    seed: int


class Samples:
    """Makes n tests of one with the mark, each with a seed from the run's; in a deterministic lane from its name."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        # What is deterministic has the same samples in every run: another outcome on the same tree is a flake.
        self._seed = 0 if contract.kind == LaneKind.DETERMINISTIC else contract.seed
        self._marked: dict[str, tuple[int, int]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Multiply a test that has the mark.

        Raises:
            pytest.UsageError: the mark's numbers are wrong.
        """
        mark = metafunc.definition.get_closest_marker(MARK)
        if mark is None:
            return
        n: Any = mark.args[0] if mark.args else mark.kwargs.get("n")
        at_least: Any = mark.kwargs.get("at_least", n)
        wrong = wrong_numbers(n, at_least, self._contract.kind)
        if wrong:
            raise pytest.UsageError(f"greenlane: samples of {metafunc.definition.nodeid}: {wrong}")
        self._marked[metafunc.definition.nodeid] = (n, at_least)
        if FIXTURE not in metafunc.fixturenames:
            metafunc.fixturenames.append(FIXTURE)
        numbers = range(1, n + 1)
        metafunc.parametrize(FIXTURE, numbers, ids=[sample_id(number) for number in numbers], indirect=True)

    @pytest.fixture
    def sample(self, request: pytest.FixtureRequest) -> Sample:
        """The number and the seed of this run of a test with the mark `samples`."""
        nodeid = request.node.nodeid
        n, _ = self._marked[_test_of(request.node)]
        return Sample(number=group_of(nodeid)[1], of=n, seed=seed_of(self._seed, nodeid))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Seed `random` for a sample, and give it back as it was."""
        if _test_of(item) not in self._marked:
            return (yield)
        before = random.getstate()
        random.seed(seed_of(self._seed, item.nodeid))
        try:
            return (yield)
        finally:
            random.setstate(before)

    def groups(self, items: Iterable[pytest.Item]) -> tuple[SampleGroup, ...]:
        """Return the samples among tests, by the test that they are of.

        Raises:
            pytest.UsageError: a test has the mark and is run once all the same.
        """
        seeds: dict[str, dict[str, int]] = {}
        numbers: dict[str, tuple[int, int]] = {}
        for item in items:
            marked = self._marked.get(_test_of(item))
            if marked is None:
                if item.get_closest_marker(MARK):
                    what = "only pytest's own test functions, with the mark on them when they are collected"
                    raise pytest.UsageError(
                        f"greenlane: samples of {item.nodeid}: it cannot be multiplied; {what}, can"
                    )
                continue
            test, _ = group_of(item.nodeid)
            numbers[test] = marked
            seeds.setdefault(test, {})[item.nodeid] = seed_of(self._seed, item.nodeid)
        return tuple(SampleGroup(test=test, n=n, at_least=k, seeds=seeds[test]) for test, (n, k) in numbers.items())


def _test_of(item: pytest.Item) -> str:
    """Return the node id of a test without parameters, as its definition has it."""
    if not isinstance(item, pytest.Function) or item.parent is None:
        return item.nodeid
    return f"{item.parent.nodeid}::{item.originalname}"
