"""The step summary of GitHub Actions: Markdown that never outgrows the room there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape as as_html

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.judge.causes import Cause, group
from greenlane.report.failures import said
from greenlane.report.lines import WORDS, also, detail, excused, headline, row, samples_line, skips
from greenlane.report.marked import code, escape

LIMIT = 1024 * 1024
"""Bytes that GitHub takes for one step; a larger summary is not shown at all."""

RESERVE = 200
"""Bytes for the line that tells what was left out."""


def summary(verdict: Verdict, evidence: Sequence[LaneEvidence] = (), limit: int = LIMIT) -> str:
    """Return the summary: the answer, the checks, and as many causes with their output as there is room for.

    Args:
        limit: bytes that it may take; what does not even hold the answer is empty.
    """
    mark = "✅" if verdict.exit_code == 0 else "❌"
    kept, room = [], limit - RESERVE
    left_out = 0
    for piece in (f"## {mark} {escape(headline(verdict))}\n", *_pieces(verdict, evidence)):
        size = len(piece.encode("utf-8", "replace")) + 1
        if left_out or size > room:
            left_out += 1
            continue
        kept.append(piece)
        room -= size
    if not kept:
        return ""
    if left_out:
        kept.append(f"\n… {left_out} more entries did not fit here; the reports among the artifacts have them.\n")
    return ("\n".join(kept) + "\n").encode("utf-8", "replace").decode()


def _pieces(verdict: Verdict, evidence: Sequence[LaneEvidence]) -> Iterator[str]:
    """Yield the parts, the most important first."""
    rows = [f"| {escape(check.name)} | {WORDS[check.status]} | {escape(detail(check))} |" for check in verdict.checks]
    yield "\n".join(["| check | status | detail |", "|---|---|---|", *rows, ""])
    texts = said(evidence)
    for cause in group(verdict.violations):
        yield _cause(cause, texts)
    for check in verdict.checks:
        for result in check.samples:
            yield f"- {escape(samples_line(result))}"
    for cause in group(verdict.warnings):
        yield f"- warning: {escape(row(cause))}"
    for text in (*skips(verdict), *excused(verdict)):
        yield f"- {escape(text)}"
    for quarantined in verdict.quarantined:
        ended = quarantined.outcome.value if quarantined.outcome else "no outcome"
        yield f"- quarantined until {escape(quarantined.entry.expires)}: {escape(quarantined.entry.test)}: {ended}"


def _cause(cause: Cause, texts: dict[tuple[str, str], str]) -> str:
    """Return one cause, its output folded."""
    head = cause.head
    place = f" at {code(f'{head.path}:{head.line}' if head.line else head.path)}" if head.path else ""
    lines = [
        f"- **{head.code.value}** {escape(head.subject or head.check)}{place}",
        f"  {escape(head.cause or head.message)}",
        *(f"  - also {escape(other)}" for other in also(cause)),
        f"  - next: {escape(head.next_step)}",
    ]
    about = ((violation.check, violation.subject) for violation in (head, *cause.related))
    # A test that fails and leaks has two causes; what it said is told once.
    output = next((texts.pop(key) for key in about if key in texts), "")
    if output:
        # A `pre` ends at its end tag only, and no `<` of the output is one.
        shown = as_html(output).replace("\n", "&#10;")
        lines.append(f"\n  <details><summary>What the test said</summary><pre>{shown}</pre></details>\n")
    return "\n".join(lines)
