"""The tests: the slowest, those that ran more than once, and all of them for the script to search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.report.failures import tests_of
from greenlane.report.lines import clean
from greenlane.report.page.markup import Markup, Section, code, join, listing, seconds, section, table, tag

SLOWEST = 20
CUTS = (400, 200, 100, 60)
"""Longest name or reason, characters; the shorter ones when there are so many that the page would grow too large."""

LARGEST = 3_500_000
"""Bytes of the data of all tests."""

EACH = 110
"""Bytes of one test, on average, where there are many."""


def all_of(evidence: Sequence[LaneEvidence]) -> Iterator[tuple[str, TestOutcome]]:
    """Yield every test with its check."""
    for item in evidence:
        for test in tests_of(item):
            yield item.record.check, test


def slowest(evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return the slowest tests of all lanes; None when nothing took time."""
    found = sorted(all_of(evidence), key=lambda pair: -pair[1].duration)[:SLOWEST]
    if not found or found[0][1].duration <= 0:
        return None
    longest = found[0][1].duration
    rows = [
        (
            code(cut(test.nodeid, CUTS[0])),
            join(seconds(test.duration), tag("meter", value=f"{test.duration / longest:.3f}", aria_hidden="true")),
            outcome(test),
            check,
        )
        for check, test in found
    ]
    return section(
        "slowest", "Slowest tests", table("Slowest tests", ("test", "time", "outcome", "check"), rows), short="Slowest",
    )  # fmt: skip


def again(evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return the tests that were run again; None when none was."""
    found = [(check, test) for check, test in all_of(evidence) if test.attempts > 1]
    heads = ("test", "check", "attempts", "in the end")
    return listing("again", "Tests that were run again", heads, found, _again, short="Run again")


def _again(found: tuple[str, TestOutcome]) -> tuple[str, ...]:
    check, test = found
    return code(cut(test.nodeid, CUTS[0])), check, _attempts(test), outcome(test)


def _attempts(test: TestOutcome) -> Markup:
    """Return every attempt before the last."""
    earlier = [tag("li", outcome_word(a.outcome), f" {seconds(a.duration)} ", a.cause) for a in test.earlier]
    return tag("ol", *earlier, class_="plain") if earlier else join(f"{test.attempts}")


def outcome(test: TestOutcome) -> Markup:
    """Return how a test ended as a coloured word."""
    return tag("span", "flaky", class_="badge flaky") if test.flaky else outcome_word(test.outcome)


def outcome_word(how: Outcome) -> Markup:
    """Return an outcome as a coloured word."""
    return tag("span", how.value, class_=f"badge {how.value}")


def cut(text: str, longest: int) -> str:
    """Return text without its middle when it is too long."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def every(evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return the list of all tests, which the script fills; None without tests."""
    total = sum(1 for _ in all_of(evidence))
    if not total:
        return None
    heads = (("status", "outcome"), ("name", "test"), ("time", "time"), ("check", "check"))
    head = [tag("th", tag("button", word, type="button", data_sort=key), scope="col") for key, word in heads]
    return section(
        "tests", "All tests",
        tag("noscript", tag("p", "Searching the list needs JavaScript; the JUnit and CTRF reports hold every test.")),
        tag(
            "form",
            tag("label", "Search ", tag("input", type="search", id="query", placeholder="part of a name or reason",
                                        autocomplete="off", spellcheck="false")),
            tag("div", id="outcomes", role="group", aria_label="Outcomes to show"),
            tag("label", "Check ", tag("select", tag("option", "all", value=""), id="check")),
            id="search", role="search", hidden=True,
        ),
        tag("p", id="shown", role="status", aria_live="polite"),
        tag("div", tag("table", tag("caption", "All tests"), tag("thead", tag("tr", *head)), tag("tbody", id="rows")),
            class_="scroll", tabindex=0, role="group", aria_label="All tests", id="list", hidden=True),
        tag("button", "Show more", type="button", id="more", hidden=True),
        count=total,
    )  # fmt: skip


def data(evidence: Sequence[LaneEvidence]) -> Markup:
    """Return every test as JSON in a script element that is never run."""
    longest, text, tests = 0, "", sum(1 for _ in all_of(evidence))
    largest = min(LARGEST, max(LARGEST // 10, EACH * tests))
    for longest in CUTS:
        text = _data(evidence, longest, limit=None)
        if len(text.encode()) <= largest:
            break
    else:
        share = largest / len(text.encode())
        text = _data(evidence, longest, limit=int(share * tests))
    return tag("script", Markup(text), type="application/json", id="data")


def _data(evidence: Sequence[LaneEvidence], longest: int, limit: int | None) -> str:
    """Return columns instead of rows, with files and checks by number: a tenth of the size."""
    checks, files = _Numbers(), _Numbers()
    columns: dict[str, list[object]] = {name: [] for name in ("check", "file", "name", "outcome", "ms", "worker")}
    workers = _Numbers()
    notes: dict[int, str] = {}
    worst_first = sorted(all_of(evidence), key=lambda pair: (not pair[1].outcome.bad, not pair[1].flaky))
    for index, (check, test) in zip(count(), worst_first[:limit], strict=False):
        path, _, name = test.nodeid.partition("::")
        columns["check"].append(checks[clean(check)])
        columns["file"].append(files[clean(cut(path, longest))])
        columns["name"].append(clean(cut(name, longest)))
        columns["outcome"].append("flaky" if test.flaky else test.outcome.value)
        columns["ms"].append(round(test.duration * 1000, 1))
        columns["worker"].append(workers[clean(test.worker)])
        if note := test.cause or test.reason:
            notes[index] = clean(cut(note, longest))
    table_of = {"checks": checks.names, "files": files.names, "workers": workers.names, "notes": notes, **columns}
    text = json.dumps(table_of, ensure_ascii=False, separators=(",", ":"))
    # In a script element only `<` can end it, whatever follows.
    return text.replace("<", "\\u003c")


class _Numbers:
    """Numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self._known.setdefault(name, len(self._known))

    @property
    def names(self) -> list[str]:
        """Every name at its number."""
        return list(self._known)
