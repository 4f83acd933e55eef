"""What was not run and what is excused is in every report for people, counted once."""

from __future__ import annotations

import re

from greenlane.evidence.ledger import Facts, Ledger, SkipEntry
from greenlane.report.markdown import markdown
from greenlane.report.page import as_page
from greenlane.report.summary import summary
from greenlane.report.terminal import plain
from support.evidence import lane, nd, outcome, skipped, verdict_on

TTY = [skipped(f"test_{n}", reason="no tty", path="tests/test_termui.py", line=387) for n in range(16)]
OTHER = skipped("test_other", reason="no docker")


def test_skips_are_counted_by_place_and_reason() -> None:
    """Sixteen tests that are skipped at one line are one row, on a green day, too."""
    evidence = nd(outcome("test_ok"), *TTY, OTHER)
    verdict = verdict_on(evidence)
    rows = ["SKIPPED [16] tests/test_termui.py:387: no tty", "SKIPPED [1] tests/test_a.py: no docker"]
    assert [line for line in plain(verdict) if line.startswith("SKIPPED")] == rows
    assert "\\[16\\] tests/test\\_termui.py:387: no tty" in markdown(verdict)
    assert "tests/test\\_termui.py:387: no tty" in summary(verdict)
    text = re.sub(r"<[^>]+>", " ", as_page(verdict, [evidence]))
    assert re.search(r"16\s+tests/test_termui.py:387\s+no tty\s+nd", text)


def test_what_the_ledger_excuses_is_told_with_why_and_who() -> None:
    """Each entry that excused something, with its tests; the verdict says that the ledger only shrinks."""
    entry = SkipEntry(test="tests/*", platform="win32", why="consoles of Windows", since="2026-01-31", who="Ann")
    facts = {"facts": Facts(platform="linux", python="3.12.1")}
    evidence = lane(outcome("test_ok"), *TTY, journal=facts)
    verdict = verdict_on(evidence, ledger=Ledger(skips=(entry,)))
    line = "EXCUSED: 16 skipped tests, by 1 entry of greenlane-ledger.toml; it only shrinks: what is not listed is red"
    assert (verdict.ready, plain(verdict)[-2]) == (True, line)
    assert "| skip tests/\\* | 16 | consoles of Windows | 2026-01-31 | Ann |" in markdown(verdict)
    assert "EXCUSED: 16 skipped tests" in summary(verdict)
    text = re.sub(r"<[^>]+>", " ", as_page(verdict, [evidence]))
    assert re.search(r"skip tests/\*\s+16\s+consoles of Windows\s+2026-01-31\s+Ann", text)
