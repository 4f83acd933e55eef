"""What tests did and said beyond the verdict, for the reports that tell of single tests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import TestOutcome
from greenlane.evidence.verdict import Verdict
from greenlane.judge.causes import group
from greenlane.judge.examiners.artifacts import junit_key, written

_ESCAPE = re.compile(r"(?:\x1b|#x1B)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*?(?:\x07|#x07|#x1B\\))")
"""A terminal's control sequence, raw or as pytest writes it into XML."""


MANY = 2_000
"""Tests from which on a report has of each only what it must: one that nobody can load tells nothing."""

WORDS = 120
"""Characters of a cause or reason, where there are many tests."""

OUTPUT = 200_000
"""Characters of what tests said in one report; the lane's own junit.xml and output.log have all of it."""


def tests_of(item: LaneEvidence) -> tuple[TestOutcome, ...]:
    """Return everything of a lane or shard that has an outcome: tests, and files that could not be collected."""
    return (*item.journal.collect_errors, *item.journal.outcomes)


def is_large(evidence: Sequence[LaneEvidence]) -> bool:
    """Return whether there are so many tests that a report must keep short of each."""
    return sum(len(item.journal.outcomes) for item in evidence) > MANY


def gating(verdict: Verdict) -> set[tuple[str, str]]:
    """Return check and node id of everything that makes a verdict red; a failure that is not there does not gate."""
    return {(violation.check, violation.subject) for violation in verdict.violations}


def said(evidence: Sequence[LaneEvidence]) -> dict[tuple[str, str], str]:
    """Return the text of each failure by check and node id; nothing for one that left none."""
    return {key: readable(text) for key, text in _texts(evidence).items()}


def heard(verdict: Verdict, evidence: Sequence[LaneEvidence]) -> dict[tuple[str, str], str]:
    """Return what tests said as far as a report has room for it: of each cause one first, the worst cause first."""
    texts, causes = _texts(evidence), group(verdict.violations)
    tests = [[(v.check, v.subject) for v in (cause.head, *cause.related)] for cause in causes]
    firsts = [next((key for key in keys if key in texts), keys[0]) for keys in tests]
    found, left = {}, OUTPUT
    for key in dict.fromkeys((*firsts, *(key for keys in tests for key in keys), *texts)):
        if key in texts and len(texts[key]) <= left:
            found[key] = readable(texts[key])
            left -= len(found[key])
    return found


def _texts(evidence: Sequence[LaneEvidence]) -> dict[tuple[str, str], str]:
    """Return the text of each failure, as pytest wrote it."""
    found = {}
    for item in evidence:
        texts = {(case.classname, written(case.name)): case.text for case in item.junit or () if case.text}
        if not texts:
            continue
        for test in tests_of(item):
            if test.outcome.bad and (text := texts.get(junit_key(test.nodeid))):
                found[item.record.check, test.nodeid] = text
    return found


def readable(text: str) -> str:
    """Return text of many lines without colours, and with every other control character made visible."""
    plain = _ESCAPE.sub("", text).replace("\r\n", "\n").expandtabs(4)
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in plain)
