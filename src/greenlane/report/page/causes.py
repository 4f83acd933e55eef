"""Why it is red: each cause once, with what follows from it, the next step, and what the test said."""

from __future__ import annotations

from collections.abc import Sequence

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.evidence.violation import EXPLANATIONS, Code, Violation
from greenlane.judge.causes import Cause, group
from greenlane.report.failures import heard
from greenlane.report.lines import line
from greenlane.report.page.markup import Markup, Section, block, code, join, more, section, tag

SHOWN = 200
"""Causes that the page shows; the JSON has all of them."""

RELATED = 20


def section_of(verdict: Verdict, evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return the causes; None for a verdict without any."""
    found = group(verdict.violations)
    if not found:
        return None
    texts, entries = heard(verdict, evidence), []
    for number, cause in enumerate(found[:SHOWN]):
        output = _output(cause, texts)
        entries.append(_cause(cause, output, opened=number == 0))
    rest = more(len(entries), len(found), "causes in the JSON report")
    return section("causes", "Why it is red", *entries, rest, count=len(found), short="Causes")


def warnings(verdict: Verdict, evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return what is wrong and does not gate; None for nothing. Leaks have a table of their own."""
    leaked = any(item.journal.leaks for item in evidence)
    found = [warning for warning in verdict.warnings if not (leaked and warning.code is Code.LEAK)]
    if not found:
        return None
    items = [tag("li", _code(warning), " ", _message(warning)) for warning in found[:SHOWN]]
    rest = more(len(items), len(found), "warnings")
    return section("warnings", "Warnings", tag("ul", *items, class_="plain"), rest, count=len(found))


def _cause(cause: Cause, output: str, *, opened: bool) -> Markup:
    head = cause.head
    place = f"{head.path}:{head.line}" if head.path and head.line else head.path
    return tag(
        "article",
        tag("h3", _code(head), " ", head.subject or head.check or "the verdict"),
        tag("p", head.cause or head.message, class_="message"),
        _facts(cause, place),
        tag("p", tag("b", "Next"), " ", head.next_step, class_="next"),
        _related(cause),
        _folded("What the test said", block(output), opened=opened) if output else None,
        class_="cause",
    )


def _facts(cause: Cause, place: str) -> Markup:
    """Return where it happened."""
    parts = [join("check ", tag("b", cause.head.check))] if cause.head.check else []
    if place:
        parts.append(join("at ", code(place)))
    if len(cause.tests) > 1:
        parts.append(join("in ", tag("b", f"{len(cause.tests):,}"), " tests"))
    dotted = [part for i, own in enumerate(parts) for part in ((" · ", own) if i else (own,))]
    return tag("p", *dotted, class_="where")


def _related(cause: Cause) -> Markup | None:
    """Return what follows from the cause, folded."""
    found = cause.related
    if not found:
        return None
    items = [tag("li", line(violation)) for violation in found[:RELATED]]
    text = f"{len(found):,} more that {'follows' if len(found) == 1 else 'follow'} from it or say the same"
    return _folded(text, tag("ul", *items, class_="plain"), more(len(items), len(found), "in the JSON report"))


def _folded(summary: str, *children: Markup | None, opened: bool = False) -> Markup:
    return tag("details", tag("summary", summary), *children, open=opened)


def _output(cause: Cause, texts: dict[tuple[str, str], str]) -> str:
    """Return what the test of a cause said, and take it away: two causes of one test tell it once."""
    about = (cause.head, *cause.related)
    return next((texts.pop(key) for v in about if (key := (v.check, v.subject)) in texts), "")


def _code(violation: Violation) -> Markup:
    return tag("span", violation.code.value, class_="code", title=EXPLANATIONS[violation.code].meaning)


def _message(violation: Violation) -> str:
    where = f"[{violation.check}] " if violation.check else ""
    return where + violation.message
