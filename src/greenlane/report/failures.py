"""What tests did and said beyond the verdict, for the reports that tell of single tests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import TestOutcome
from greenlane.evidence.verdict import Verdict
from greenlane.judge.examiners.artifacts import junit_key, written

_ESCAPE = re.compile(r"(?:\x1b|#x1B)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*?(?:\x07|#x07|#x1B\\))")
"""A terminal's control sequence, raw or as pytest writes it into XML."""


def tests_of(item: LaneEvidence) -> tuple[TestOutcome, ...]:
    """Return everything of a lane or shard that has an outcome: tests, and files that could not be collected."""
    return (*item.journal.collect_errors, *item.journal.outcomes)


def gating(verdict: Verdict) -> set[tuple[str, str]]:
    """Return check and node id of everything that makes a verdict red; a failure that is not there does not gate."""
    return {(violation.check, violation.subject) for violation in verdict.violations}


def said(evidence: Sequence[LaneEvidence]) -> dict[tuple[str, str], str]:
    """Return the text of each failure by check and node id; nothing for one that left none."""
    found = {}
    for item in evidence:
        texts = {(case.classname, written(case.name)): case.text for case in item.junit or () if case.text}
        if not texts:
            continue
        for test in tests_of(item):
            if test.outcome.bad and (text := texts.get(junit_key(test.nodeid))):
                found[item.record.check, test.nodeid] = readable(text)
    return found


def readable(text: str) -> str:
    """Return text of many lines without colours, and with every other control character made visible."""
    plain = _ESCAPE.sub("", text).replace("\r\n", "\n").expandtabs(4)
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in plain)
