"""The page is small enough to be opened, whatever a lane has: many tests, names and output without measure."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from greenlane.evidence.evidence import JunitCase
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.report.page import as_page
from support.evidence import failed, lane, outcome, verdict_on


def data_of(page: str) -> dict[str, Any]:
    """Return what the script reads."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)  # type: ignore[no-any-return]


def test_twenty_thousand_tests_fit() -> None:
    """At most five million bytes, every test among them, the bad ones first."""
    tests = [
        outcome(f"tests/smoke_core/greenlane/area_{n % 40}/test_part_{n % 400}.py::TestGroup::test_that_it_works[{n}]",
                at=1000 + n / 100, worker=f"gw{n % 4}")
        for n in range(20_000)
    ]  # fmt: skip
    evidence = [lane(*tests, failed(), finished_at=1200.0)]
    page = as_page(verdict_on(*evidence), evidence)
    data = data_of(page)

    assert len(page.encode()) <= 5_000_000
    assert len(data["name"]) == 20_001
    assert data["outcome"][0] == "failed"
    assert data["files"][data["file"][5]].startswith("tests/smoke_core/greenlane/area_")


@pytest.mark.parametrize("size", [600, 5_000])
def test_names_and_output_without_measure_fit(size: int) -> None:
    """Names of thousands of characters and ten million of output are shortened; what was left out is told."""
    long = "é" * (6_000_000 // size)

    def test(n: int) -> TestOutcome:
        return failed(f"test_[{n}{long}]", cause=long) if n % 20 == 0 else outcome(f"test_[{n}{long}]")

    said = [JunitCase("tests.test_a", f"test_[{n}{long}]", Outcome.FAILED, "x" * 12_000) for n in range(0, size, 20)]
    evidence = lane(*map(test, range(size)), junit=said)
    page = as_page(verdict_on(evidence), [evidence])

    assert len(page.encode()) <= 5_000_000
    assert len(data_of(page)["name"]) > size / 2
