"""The words that every report shares."""

from __future__ import annotations

import time

from greenlane.evidence.ledger import LEDGER_FILE
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.quarantine import FlakyTest, Quarantined
from greenlane.evidence.samples import SampleResult
from greenlane.evidence.verdict import CONFIGURATION, Check, ModelAnswers, Status, Verdict
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.causes import Cause, group
from greenlane.judge.samples import by_chance, percent

WORDS = {Status.PASSED: "PASS", Status.FAILED: "FAIL", Status.SKIPPED: "SKIP"}
FIRST = 3
"""Tests of a cause that are named."""

LONGEST = 1000
"""Characters of a line."""


def clean(text: str) -> str:
    """Return text of which a terminal shows every character: no control character, escape sequence or line break."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def counts(check: Check) -> str:
    """Return `12 passed, 1 skipped`, worst last; empty without tests."""
    order = (Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED, Outcome.FAILED, Outcome.ERROR)
    return ", ".join(f"{check.counts[o]} {o.value}" for o in order if check.counts.get(o))


def detail(check: Check) -> str:
    """Return what a row of the verdict says beside name and status."""
    took = f"{check.duration:.1f} s" if check.duration and not check.reused else ""
    parts = [counts(check), took, check.reason, origin(check)]
    parts.append(models_of(check))
    record = check.record
    if record is not None and record.coverage is not None:
        parts.append(f"coverage {record.coverage:.2f} %")
    return clean("; ".join(part for part in parts if part))


def origin(check: Check) -> str:
    """Return since when reused evidence is true; empty for a check that was run."""
    if check.record is None or not check.reused:
        return ""
    made = time.localtime(check.record.result.finished_at)
    day = "" if time.strftime("%F", made) == time.strftime("%F") else f"{time.strftime('%F', made)} "
    return f"evidence of {day}{time.strftime('%H:%M', made)}, nothing it can see has changed"


def line(violation: Violation) -> str:
    """Return a violation as one line, `CODE [check] message`."""
    where = f" [{violation.check}]" if violation.check else ""
    return clean(f"{violation.code.value}{where} {violation.message}")


def row(cause: Cause) -> str:
    """Return a cause as one line: what and where, and of several tests how many and the first of them."""
    head, tests = cause.head, cause.tests
    text, named = line(head), ""
    if len(tests) > 1:
        where = f" [{head.check}]" if head.check else ""
        text = clean(f"{head.code.value}{where} {len(tests):,} tests: {head.cause or head.message}")
        named = clean(f" ({', '.join(tests[:FIRST])}{more(len(tests) - FIRST)})")
    place = clean(f"{head.path}:{head.line}") if head.line else ""
    at = f" at {place}" if place and place not in text else ""
    if head.code is Code.SKIPPED:
        at += more(len({(v.path, v.line) for v in (head, *cause.related)}) - 1, "place")
    return shortened(f"{text}{at}{named}")


def more(count: int, what: str = "") -> str:
    """Return ` and 9 more`, of what if that is said; empty for none."""
    named = f" {what}{'s' if count > 1 else ''}" if what else ""
    return f" and {count:,} more{named}" if count > 0 else ""


def shortened(text: str) -> str:
    """Return a line of which a terminal shows a screenful at most."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def reason(cause: Cause) -> str:
    """Return a cause as a line of its own. One of a wrong setting begins with `CONFIG_ERROR:`, before its code."""
    return f"{'CONFIG_ERROR' if cause.head.code in CONFIGURATION else 'VIOLATION'}: {row(cause)}"


def causes(verdict: Verdict) -> list[str]:
    """Return one `CAUSE:` line for each test, file or service that went wrong, and none for what repeats another."""
    return list(dict.fromkeys(cause_line for cause in group(verdict.violations) for cause_line in causes_of(cause)))


def causes_of(cause: Cause) -> list[str]:
    """Return the `CAUSE:` lines of one cause, its head's first."""
    others = [violation for violation in cause.related if violation.subject != cause.head.subject]
    found = [violation for violation in (cause.head, *others) if violation.cause and violation.subject]
    return [shortened(clean(f"CAUSE: {violation.subject} — {violation.cause}")) for violation in found]


def also(cause: Cause) -> list[str]:
    """Return what is folded under a cause, one line for each code, with the number of those that it stands for."""
    by_code: dict[str, list[Violation]] = {}
    for violation in cause.related:
        by_code.setdefault(violation.code, []).append(violation)
    return [f"{line(own[0])}{f' (and {len(own) - 1} more)' if len(own) > 1 else ''}" for own in by_code.values()]


def next_steps(verdict: Verdict) -> list[str]:
    """Return the step to take for each kind of violation, once."""
    return list(dict.fromkeys(f"{v.code.value}: {v.next_step}" for v in verdict.violations))


def endpoints(verdict: Verdict) -> dict[str, dict[str, str]]:
    """Return the address variables by check."""
    return {
        check.name: check.record.result.endpoints
        for check in verdict.checks
        if check.record and check.record.result.endpoints
    }


def excused(verdict: Verdict) -> list[str]:
    """Return one line on how much is excused, and by what; nothing where nothing is listed."""
    counts: dict[str, int] = {}
    for entry in verdict.excused:
        counts[entry.kind] = counts.get(entry.kind, 0) + entry.tests
    if verdict.quarantined:
        counts["quarantine"] = len(verdict.quarantined)
    if not counts and not verdict.listed:
        return []
    words = {"leak": "leaking", "skip": "skipped", "quarantine": "quarantined", "move": "moved"}
    numbers = ", ".join(f"{counts[kind]:,} {word}" for kind, word in words.items() if kind in counts) or "no"
    entries = f"{verdict.listed:,} entr{'y' if verdict.listed == 1 else 'ies'}"
    return [f"EXCUSED: {numbers} tests, by {entries} of {LEDGER_FILE}; it only shrinks: what is not listed is red"]


def skips(verdict: Verdict) -> list[str]:
    """Return `SKIPPED [16] tests/test_termui.py:387: no tty`, one line for each place and reason, most tests first."""
    found = sorted((one for check in verdict.checks for one in check.skips), key=lambda one: -one.tests)
    return [shortened(clean(f"SKIPPED [{one.tests}] {one.place}: {one.reason or 'no reason'}")) for one in found]


def headline(verdict: Verdict) -> str:
    """Return `READY (policy dev)`, or `core: GREEN` for a single lane."""
    strict = ", strict" if verdict.strict else ""
    if verdict.lane:
        return f"{verdict.lane}: {verdict.word}{strict}"
    return f"{verdict.word} (policy {verdict.policy}{strict})"


def flakiness(verdict: Verdict) -> list[str]:
    """Return what became of quarantined tests, then the tests that flaked lately and are not quarantined."""
    loose = [test for test in verdict.flaky if not test.quarantined]
    return [*map(_quarantined, verdict.quarantined), *map(_flaky, loose)]


def _quarantined(entry: Quarantined) -> str:
    """Return `QUARANTINED [nd] test: failed, does not gate until 2026-01-31`."""
    ended = entry.outcome.value if entry.outcome else "no outcome"
    gates = f"does not gate until {entry.entry.expires}" if entry.excused else f"gates: {entry.reason}"
    return clean(f"QUARANTINED [{entry.check}] {entry.entry.test}: {ended}, {gates}")


def _flaky(test: FlakyTest) -> str:
    """Return `FLAKY [nd] test: 2 flakes in 40 runs lately`, with the tests that fail beside it."""
    beside = f", together with {len(test.together)} others" if test.together else ""
    return clean(f"FLAKY [{test.lane}] {test.test}: {len(test.flakes)} flakes in {test.runs} runs lately{beside}")


def answers_line(answers: ModelAnswers) -> str:
    """Return a model and what it answered in one line."""
    line = (
        f"{answers.model} gave {answers.texts} different answers to {answers.prompts} prompts, {answers.tokens} tokens"
    )
    return line if answers.generated is None else f"{line} of {answers.generated} that it counted"


def models_of(check: Check) -> str:
    """Return the models that answered in a check, for its row; empty for none."""
    return ", ".join(f"model {answers.model}: {answers.texts} different answers" for answers in check.models)


def samples_line(result: SampleResult) -> str:
    """Return what the samples of one test came to in one line."""
    word = "SAMPLES" if result.met else "TOO FEW SAMPLES"
    counts = f"{result.passed} of {result.n} passed, {result.at_least} must"
    return f"{word}  {result.test}  {counts}: {'; '.join(filter(None, (percent(result), by_chance(result))))}"
