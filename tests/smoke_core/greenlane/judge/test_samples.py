"""Samples of one test: seeds, marks in the text of a file, and k of n."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.samples import Declared, SampleGroup
from greenlane.judge.binomial import interval
from greenlane.judge.samples import by_chance, declarations, group_of, percent, replay, results, seed_of, wrong_numbers
from greenlane.report.lines import samples_line
from support.evidence import codes, errored, failed, nd, outcome, skipped, verdict_on

N = 5
TEST = "tests/test_a.py::test_x"


def name(number: int) -> str:
    """Return the name of a sample of `test_x`."""
    return f"test_x[sample{number}]"


def sampled(
    *others: TestOutcome, at_least: int = 4, declared: int | None = None, n: int = N, **fields: Any
) -> LaneEvidence:
    """Return a lane with five samples of one test, all passed but for those that are given otherwise.

    Args:
        at_least, n: of the journal; declared: `at_least` in the file's text, the same when not given.
    """
    given = {test.nodeid: test for test in others}
    names = [f"tests/test_a.py::{name(number)}" for number in range(1, N + 1)]
    tests = [given.get(nodeid) or outcome(nodeid) for nodeid in names]
    group = SampleGroup(test=TEST, n=n, at_least=at_least, seeds={nodeid: 100 + i for i, nodeid in enumerate(names)})
    mark = Declared(test=TEST, n=n, at_least=at_least if declared is None else declared)
    journal = {"samples": (group,), **fields.pop("journal", {})}
    return nd(*tests, journal=journal, **{"samples": (mark,), "seed": 7, **fields})


KNOWN = [
    (0, 10, 0.0, 0.3085),
    (8, 10, 0.4439, 0.9748),
    (10, 10, 0.6915, 1.0),
    (1, 1, 0.025, 1.0),
    (45, 50, 0.7819, 0.9667),
]


@pytest.mark.parametrize(("hits", "runs", "low", "high"), KNOWN)
def test_known_intervals(hits: int, runs: int, low: float, high: float) -> None:
    """The interval is that of published tables (Clopper and Pearson, 95 %), to four digits."""
    assert interval(hits, runs) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=60, deadline=None, database=None)
@given(runs=st.integers(1, 60), data=st.data())
def test_an_interval_holds_its_rate(runs: int, data: st.DataObject) -> None:
    """It holds the rate that was seen, and that of failures is its mirror image."""
    hits = data.draw(st.integers(0, runs))
    low, high = interval(hits, runs)
    assert 0 <= low <= hits / runs <= high <= 1
    assert interval(runs - hits, runs) == pytest.approx((1 - high, 1 - low))


def test_names_of_samples() -> None:
    """A sample's name gives its test and number; another test has none."""
    assert group_of("t.py::test_x[sample3]") == ("t.py::test_x", 3)
    assert group_of("t.py::test_x[a-b-sample12]") == ("t.py::test_x[a-b]", 12)
    assert group_of("t.py::test_x[sampled]") == ("t.py::test_x[sampled]", 0)


def test_seeds() -> None:
    """A seed follows from the run's seed and the name, differs with either, and fits 31 bits."""
    assert seed_of(7, "a") == seed_of(7, "a")
    seeds = {seed_of(run, f"t[sample{i}]") for run in range(20) for i in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("n", "at_least", "kind", "wrong"),
    [
        (5, 5, "deterministic", ""),
        (5, 1, "nondeterministic", ""),
        (1000, 1000, "release", ""),
        (0, 0, "release", "n is 0; a number from 1 to 1000 is needed"),
        (1001, 1, "release", "n is 1001; a number from 1 to 1000 is needed"),
        (True, 1, "release", "n is True; a number from 1 to 1000 is needed"),
        (None, None, "release", "n is None; a number from 1 to 1000 is needed"),
        (5, 0, "release", "at_least is 0; a number from 1 to 5 is needed"),
        (5, 6, "release", "at_least is 6; a number from 1 to 5 is needed"),
        (5, 4, "deterministic", "at_least is 4 of 5; in a deterministic lane every sample must pass"),
    ],
)
def test_numbers_of_a_mark(n: object, at_least: object, kind: str, wrong: str) -> None:
    """From one to a thousand samples, at least one of them must pass, and in a deterministic lane every one."""
    assert wrong_numbers(n, at_least, kind) == wrong


def test_enough_samples_are_green_and_told() -> None:
    """A failure within the mark's tolerance is a warning with seed and replay; rate and interval are in the check."""
    verdict = verdict_on(sampled(failed(name(3)), shard="shard_b", shards=("shard_b",), switches=("ND_REAL",)))
    assert verdict.violations == ()
    warning, luck = verdict.warnings
    command = "ND_REAL=1 nox -s nd -- shard_b --only 'tests/test_a.py::test_x[sample3]' --seed 7"
    told = f"within 4 of 5 samples: {TEST}[sample3]: assert 1 == 2; seed 102; replay: {command}"
    assert (warning.code.value, warning.message) == ("FAILED", told)
    (result,) = verdict.checks[0].samples
    advice = "samples(9, at_least=4) or samples(5, at_least=2) would do"
    told = f"{TEST}: 4 of 5 samples passed: at that rate it is red by chance in 26 % of runs; {advice}"
    assert (luck.code.value, luck.message) == ("RED_BY_CHANCE", told)
    assert (result.passed, result.met, result.failed[0].seed, result.failed[0].replay) == (4, True, 102, command)
    assert percent(result) == "80 % (95 % interval 28 to 99 %)"


def test_what_luck_does_is_told_only_where_it_matters() -> None:
    """A rate at which red is rarer than one run in a hundred is no warning; where every sample passed there is none."""
    seldom = verdict_on(sampled(failed(name(3)), at_least=1))
    assert codes(seldom.warnings) == ["FAILED"]
    (result,) = seldom.checks[0].samples
    assert samples_line(result).endswith("; red by chance in under 1 % of runs")
    never = verdict_on(sampled())
    assert (codes(never.warnings), by_chance(never.checks[0].samples[0])) == ([], "")
    red = verdict_on(sampled(*(failed(name(number)) for number in range(1, 6)), at_least=1))
    assert (set(codes(red)), codes(red.warnings), by_chance(red.checks[0].samples[0])) == ({"FAILED"}, [], "")


def test_too_few_samples_are_red() -> None:
    """The test is named with its rate, and each sample that failed with its seed."""
    verdict = verdict_on(sampled(failed(name(3)), failed(name(4))))
    assert codes(verdict) == ["FAILED"] * 3
    messages = [violation.message for violation in verdict.violations]
    assert f"{TEST}: 3 of 5 samples passed, 4 must: 60 % (95 % interval 15 to 95 %)" in messages
    assert sum("; seed 10" in message and "; replay: nox -s nd -- --only" in message for message in messages) == 2


TIMEOUT = "Failed: Timeout (>20.0s) from pytest-timeout."
RED = {
    "an error is no variance": (sampled(errored(name(3))), ["ERROR"]),
    "nor is a time-out": (sampled(failed(name(3), cause=TIMEOUT)), ["TIMED_OUT"]),
    "another mark in the text": (sampled(failed(name(3)), declared=5), ["FAILED", "PARTIAL"]),
    "no mark in the text": (sampled(failed(name(3)), samples=()), ["FAILED", "PARTIAL"]),
    "samples dropped": (sampled(failed(name(3)), n=6), ["FAILED", "PARTIAL"]),
    "a deterministic lane": (
        sampled(failed(name(3)), lane="core", kind="deterministic", hermetic="kernel"), ["FAILED", "PARTIAL"],
    ),
    "a sample without an outcome": (
        sampled(journal={"outcomes": tuple(outcome(name(i)) for i in (1, 2, 3, 4))}),
        ["MISSING_OUTCOME"],
    ),
    "a crash": (sampled(journal={"crashes": ("worker gw0 died",)}), ["MISSING_OUTCOME"]),
    "one that was skipped without a reason": (sampled(skipped(name(3), reason="")), ["SKIPPED"]),
}  # fmt: skip


@pytest.mark.parametrize(("evidence", "found"), RED.values(), ids=RED.keys())
def test_what_is_not_tolerated(evidence: LaneEvidence, found: list[str]) -> None:
    """Only a failing body, of a mark that stands in the file, in a lane that may vary, is judged with the others."""
    assert codes(verdict_on(evidence)) == found


def test_skipped_samples_are_not_judged() -> None:
    """A test all of whose samples were skipped with a reason has no rate."""
    evidence = sampled(*(skipped(name(number)) for number in range(1, N + 1)))
    assert results(evidence) == ()
    assert verdict_on(evidence).checks[0].samples == ()


def test_a_replay_of_a_strange_name() -> None:
    """A shell reads the command as it is meant."""
    record = nd(outcome("test_one"), seed=3).record
    assert replay(record, "t.py::test[it's]") == """nox -s nd -- --only 't.py::test[it'"'"'s]' --seed 3"""


MARKS = b"""
import pytest
pytestmark = [pytest.mark.needs("model"), pytest.mark.samples(3)]
N = 9
def test_module(): ...
@pytest.mark.samples(n=5, at_least=4)
def test_own(): ...
@pytest.mark.samples(N, at_least=1)
def test_not_written_out(): ...
@pytest.mark.samples(5, at_least=N)
def test_half_written_out(): ...
@pytest.mark.samples(7)
class TestIt:
    def test_class(self): ...
    @pytest.mark.samples(8, at_least=2)
    async def test_both(self): ...
"""


def test_marks_in_the_text() -> None:
    """The closest mark counts, as in pytest; numbers that are not written out are none."""
    told = {entry.test.partition("::")[2]: (entry.n, entry.at_least) for entry in declarations("t.py", MARKS)}
    assert told == {
        "test_module": (3, 3), "test_own": (5, 4), "test_not_written_out": (3, 3), "test_half_written_out": (3, 3),
        "TestIt::test_class": (7, 7), "TestIt::test_both": (8, 2),
    }  # fmt: skip
    assert declarations("t.py", b"def broken(") == []


def test_outcomes_that_prove_nothing_do_not_count() -> None:
    """An expected failure is no passed sample."""
    (result,) = results(sampled(outcome(name(3), Outcome.XFAILED), at_least=5))
    assert (result.passed, result.met) == (4, False)
