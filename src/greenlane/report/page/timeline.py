"""When lanes and shards ran, and what each worker did meanwhile. Pictures without a script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.outcome import TestOutcome
from greenlane.evidence.verdict import Verdict
from greenlane.report.lines import clean
from greenlane.report.page.markup import Markup, Section, seconds, section, tag

ROW = 14
"""Height of a worker, pixels."""

GRAIN = 0.3
"""Percent of the width below which tests are drawn together."""

TICKS = 5
WORKERS = 64


def span(evidence: Sequence[LaneEvidence]) -> tuple[float, float]:
    """Return when the first lane started (Unix seconds) and how long it took until the last had ended (seconds)."""
    start = min((item.record.result.started_at for item in evidence), default=0.0)
    return start, max((item.record.result.finished_at for item in evidence), default=0.0) - start


def section_of(verdict: Verdict, evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return the time line; None when nothing was run."""
    start, length = span(evidence)
    if length <= 0:
        return None
    rows = [_row(item, start, length) for item in evidence]
    axis = [tag("span", seconds(length * tick / TICKS), class_=f"tick t{tick}") for tick in range(TICKS + 1)]
    legend = [tag("span", tag("i", class_=name), word) for name, word in LEGEND]
    return section(
        "timeline", "Time line", tag("p", *legend, class_="legend", aria_hidden="true"),
        tag("div", *rows, tag("div", *axis, class_="axis", aria_hidden="true"), class_="timeline"),
    )  # fmt: skip


LEGEND = (
    ("passed", "passed"), ("failed", "failed"), ("again", "passed at a later attempt"), ("skipped", "skipped"),
    ("run", "the lane itself"),
)  # fmt: skip


def _row(item: LaneEvidence, start: float, length: float) -> Markup:
    """Return one lane or shard: its name, and a track for each of its workers."""
    record = item.record
    workers: dict[str, list[TestOutcome]] = {}
    for test in item.journal.outcomes:
        if test.at and test.ran:
            workers.setdefault(test.worker, []).append(test)
    names = sorted(workers)[:WORKERS]
    height = ROW * max(len(names), 1)
    shapes = [_bar(record.result.started_at - start, record.duration, length, 0, height, "run", record.check)]
    for number, name in enumerate(names):
        shapes += _track(workers[name], start, length, number * ROW)
    picture = tag("svg", *shapes, width="100%", height=height, role="img", aria_label=_label(item, workers, start))
    crew = f"{len(workers)} workers" if len(workers) > 1 else "1 worker"
    name = tag("div", tag("b", record.check), tag("small", f"{seconds(record.duration)}, {crew}"), class_="name")
    return tag("div", name, tag("div", picture, class_="track"), class_="lane")


def _label(item: LaneEvidence, workers: dict[str, list[TestOutcome]], start: float) -> str:
    """Return the picture in words."""
    record = item.record
    began, ended = record.result.started_at - start, record.result.finished_at - start
    busy = [f"{name} busy {seconds(sum(t.duration for t in tests))}" for name, tests in sorted(workers.items())]
    return f"{record.check} ran from {seconds(began)} to {seconds(ended)}; {'; '.join(busy[:WORKERS])}"


def _track(tests: Iterable[TestOutcome], start: float, length: float, top: int) -> list[Markup]:
    """Return the tests of one worker: long ones and bad ones by themselves, short ones together."""
    shapes: list[Markup] = []
    crowd: tuple[float, float] | None = None
    grain = length * GRAIN / 100
    for test in sorted(tests, key=lambda test: test.at):
        began, ended = test.at - test.duration - start, test.at - start
        style = _style(test)
        if test.duration >= grain or style in ("failed", "again"):
            label = f"{clean(test.nodeid)} {test.outcome.value}, {seconds(test.duration)}"
            shapes.append(_bar(began, max(test.duration, grain), length, top, ROW, style, label))
        elif crowd is not None and began - crowd[1] < grain:
            crowd = (crowd[0], ended)
        else:
            shapes += _crowd(crowd, length, top)
            crowd = (began, ended)
    # Bad ones last, so that nothing is drawn over them.
    return [*_crowd(crowd, length, top), *sorted(shapes, key=lambda shape: 'class="failed"' in shape)]


def _crowd(crowd: tuple[float, float] | None, length: float, top: int) -> list[Markup]:
    """Return many short tests as one shape."""
    return [_bar(crowd[0], crowd[1] - crowd[0], length, top, ROW, "crowd", "short tests")] if crowd else []


def _style(test: TestOutcome) -> str:
    if test.outcome.bad:
        return "failed"
    return "again" if test.flaky else test.outcome.value


def _bar(began: float, took: float, length: float, top: int, height: int, style: str, label: str) -> Markup:
    """Return a shape with what it stands for."""
    return tag(
        "rect", tag("title", label), x=f"{max(0.0, 100 * began / length):.2f}%", y=top + 1,
        width=f"{max(0.15, 100 * took / length):.2f}%", height=height - 2, class_=style,
    )  # fmt: skip
