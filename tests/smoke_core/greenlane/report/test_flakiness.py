"""Flaky and quarantined tests are told on the terminal and in PROJECT_READY.md."""

from __future__ import annotations

import pytest

from greenlane.evidence.ledger import Ledger
from greenlane.evidence.quarantine import Entry, FlakyTest
from greenlane.evidence.verdict import Verdict
from greenlane.report.markdown import markdown
from greenlane.report.terminal import plain
from support.evidence import but, failed, nd, outcome, verdict_on

BAD = "tests/test_a.py::test_bad"
ENTRY = Entry(test=BAD, lane="nd", since="2026-01-01", expires="2026-01-31", issue="https://example.com/1")
FLAKY = FlakyTest(test="tests/test_a.py::test_ok", lane="nd", flakes=(1.0, 2.0), runs=40, failures=2, together=("x",))


def verdict(entry: Entry = ENTRY) -> Verdict:
    """Return the verdict on a pass beside a quarantined failure, while another test flakes."""
    return verdict_on(
        nd(outcome("test_ok"), failed()), ledger=Ledger(quarantined=(entry,)),
        quarantine_kinds=("nondeterministic",), today="2026-01-31",
        flaky=(FLAKY, but(FLAKY, test=BAD, quarantined=True)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "told"),
    [(ENTRY, "failed, does not gate until 2026-01-31"), (but(ENTRY, issue=""), "failed, gates: it has no issue")],
)
def test_terminal(entry: Entry, told: str) -> None:
    """A quarantined test has a line that says whether it gates; one that flakes has one with counts, each once."""
    lines = plain(verdict(entry))
    assert f"QUARANTINED [nd] {BAD}: {told}" in lines
    assert [line for line in lines if line.startswith("FLAKY ")] == [
        "FLAKY [nd] tests/test_a.py::test_ok: 2 flakes in 40 runs lately, together with 1 others"
    ]


def test_markdown() -> None:
    """PROJECT_READY.md has a section with the same lines, and none where nothing flakes."""
    text = markdown(verdict())
    assert "## Flaky tests" in text
    assert "does not gate until 2026-01-31" in text
    assert "## Flaky tests" not in markdown(verdict_on(nd()))
