"""Puts the page together. Style and script stand in it, and its policy lets nothing else run, load or send."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from importlib import resources

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.verdict import Verdict
from greenlane.report.lines import headline
from greenlane.report.page import causes, checks, evidence, excused, tests, timeline, variance
from greenlane.report.page.markup import Markup, Section, code, join, seconds, tag
from greenlane.version import VERSION

HERE = "greenlane.report.page"
MARKS = {True: "✓", False: "✗"}


def as_page(verdict: Verdict, evidence_: Sequence[LaneEvidence] = ()) -> str:
    """Return the whole page."""
    style, script = _shipped("page.css"), _shipped("page.js")
    shown = [section for section in _sections(verdict, evidence_) if section is not None]
    body = tag(
        "body",
        tag("a", "Skip to the verdict's reasons", class_="skip", href="#main"),
        _banner(verdict, evidence_),
        _contents(shown),
        tag("main", *(section.markup for section in shown), id="main"),
        tag(
            "footer",
            tag("p", f"Made by greenlane {VERSION}. One verdict: terminal, JSON, JUnit and CTRF say the same."),
        ),
        tests.data(evidence_),
        tag("script", Markup(script)),
    )
    page = Markup("<!doctype html>\n") + tag("html", _head(verdict, style, script), body, lang="en") + "\n"
    return page.encode("utf-8", "replace").decode()


def _sections(verdict: Verdict, evidence_: Sequence[LaneEvidence]) -> list[Section | None]:
    """Return what the page tells, in order; None for what there is nothing to tell of."""
    return [
        checks.section_of(verdict),
        causes.section_of(verdict, evidence_),
        causes.warnings(verdict, evidence_),
        timeline.section_of(verdict, evidence_),
        tests.slowest(evidence_),
        tests.again(evidence_),
        variance.samples(verdict),
        variance.models(verdict),
        excused.skips(verdict),
        excused.excused(verdict),
        excused.history(verdict),
        excused.quarantine(verdict),
        evidence.leaks(evidence_),
        tests.every(evidence_),
        evidence.section_of(verdict),
    ]


def _head(verdict: Verdict, style: str, script: str) -> Markup:
    """Return the head, with the policy that lets only our own style and script in."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{headline(verdict)} · {_project(verdict)}"),
        tag("link", rel="icon", href="data:,"),
        tag("style", Markup(style)),
    )


def _shipped(name: str) -> str:
    """Return a file that lies beside this module."""
    return resources.files(HERE).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return a policy by which nothing is loaded, and only our style and our script count."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _project(verdict: Verdict) -> str:
    return verdict.project.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or "project"


def _banner(verdict: Verdict, evidence_: Sequence[LaneEvidence]) -> Markup:
    """Return the answer and what it rests on."""
    counts = Counter(test.outcome for item in evidence_ for test in item.journal.outcomes)
    total = sum(counts.values())
    bad = counts[Outcome.FAILED] + counts[Outcome.ERROR]
    facts = [
        ("tests", f"{total:,}"),
        ("failed", f"{bad:,}"),
        ("skipped", f"{counts[Outcome.SKIPPED]:,}"),
        ("elapsed", seconds(timeline.span(evidence_)[1])),
    ]
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(verdict.made_at))
    policy = f"lane {verdict.lane}" if verdict.lane else f"policy {verdict.policy}"
    good = verdict.exit_code == 0
    strict = ", strict" if verdict.strict else ""
    tree = verdict.tree[:12] or "not compared"
    return tag(
        "header",
        tag("p", tag("b", _project(verdict)), f" · {policy}{strict} · {made}", class_="over"),
        tag("h1", tag("span", MARKS[good], aria_hidden="true"), " ", verdict.word),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), class_="facts"),
        tag("p", "run ", code(verdict.run_id or "merged"), " · tree ", code(tree), class_="under"),
        class_="good" if good else "bad",
    )  # fmt: skip


def _contents(sections: Sequence[Section]) -> Markup:
    """Return links to the sections."""
    links = [tag("li", tag("a", section.short, _count(section.count), href=f"#{section.name}")) for section in sections]
    return tag("nav", tag("ul", *links), aria_label="Sections")


def _count(count: int | None) -> Markup | None:
    return None if count is None else join(" ", tag("span", f"{count:,}", class_="count"))
