"""What the verdict rests on: each check's evidence, every lane and why it ran or not, what the policy did without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from greenlane.config.lanes import LaneKind
from greenlane.evidence.evidence import DeclaredLane, LaneEvidence
from greenlane.evidence.verdict import Check, Status, Verdict
from greenlane.report.lines import WORDS, counts
from greenlane.report.marked import code, escape

NETWORKS = {
    LaneKind.DETERMINISTIC: "none but its own loopback",
    LaneKind.NONDETERMINISTIC: "loopback and the one base",
    LaneKind.RELEASE: "its live providers",
}
KINDS = {
    LaneKind.DETERMINISTIC: "hermetic and repeatable; a skip is a failure",
    LaneKind.NONDETERMINISTIC: "on real local infrastructure; a skip needs a reason, and is red where it is expected",
    LaneKind.RELEASE: "against live providers; each is called only with LIVE_PROVIDERS and its secrets",
}
SPLIT = "A test belongs to exactly one lane, by its path and its marks. Each lane has an environment of its own."
SHARDED = (
    "cut into {shards}: pinned tests where their mark says, the others by whole files, balanced by recorded durations"
)


def evidence_table(verdict: Verdict, evidence: Sequence[LaneEvidence]) -> list[str]:
    """Return a row for each check: where its evidence lies and how it was made, or why there is none."""
    folders = {item.record.check: _folder(item, verdict.project) for item in evidence}
    rows = [f"| {escape(check.name)} | {WORDS[check.status]} | {_evidence(check, folders, verdict)} |"
            for check in verdict.checks]  # fmt: skip
    head = ["| check | status | evidence | Python | hermetic | lock | workers | seed | run |", "|---" * 9 + "|"]
    return ["## Evidence", "", f"Work tree {code(verdict.tree[:16])}.", "", *head, *rows] if rows else []


def _folder(item: LaneEvidence, project: str) -> str:
    folder = PurePath(item.source)
    return (folder.relative_to(project or ".") if folder.is_relative_to(project or ".") else folder).as_posix()


def _evidence(check: Check, folders: dict[str, str], verdict: Verdict) -> str:
    """Return the cells of one check; what is no lane rests on tests of the lanes that have it."""
    record = check.record
    if record is None:
        owners = [lane.name for lane in verdict.lanes if check.name in (*lane.providers, *lane.services)]
        text = f"{counts(check)} of {', '.join(owners)}" if check.counts else f"none: {check.reason or 'nothing ran'}"
        return f"{escape(text)} |  |  |  |  |  | "
    where = code(folders[check.name]) if folders.get(check.name) else "journal"
    built = record.environment
    return (
        f"{where} | {escape(built.version)} | {escape(record.result.hermetic)} | {code(built.lock[:12])} |"
        f" {escape(record.workers)} | {record.seed} | {code(record.run_id)}"
    )


def lane_table(verdict: Verdict) -> list[str]:
    """Return every declared lane with its limits and what became of it here, then the split in words."""
    if not verdict.lanes:
        return []
    rows = [
        f"| {escape(lane.name)} | {lane.kind} | {escape(_network(lane))} |"
        f" {f'{lane.budget:g} s' if lane.budget else 'no limit'} | {escape(', '.join(lane.policies) or 'none')} |"
        f" {escape(_ran(lane, verdict))} |"
        for lane in verdict.lanes
    ]
    head = ["| lane | kind | network | budget | policies | in this run |", "|---|---|---|---|---|---|"]
    words = [
        f"- {escape(lane.name)}: {', '.join(map(code, lane.tests))}, {escape(_in_words(lane))}"
        for lane in verdict.lanes
    ]
    return ["## Lanes", "", *head, *rows, "", SPLIT, "", *words]


def _network(lane: DeclaredLane) -> str:
    hosts = ", ".join(host or f"{name} where the caller says" for name, host in lane.providers.items())
    return f"{NETWORKS[LaneKind(lane.kind)]}{f' ({hosts})' if hosts else ''}"


def _in_words(lane: DeclaredLane) -> str:
    kind = KINDS[LaneKind(lane.kind)]
    return f"{kind}; {SHARDED.format(shards=' and '.join(lane.shards))}" if lane.shards else kind


def _own(lane: DeclaredLane, verdict: Verdict) -> list[Check]:
    """Return the checks of a lane: itself, or its shards."""
    return [check for check in verdict.checks if check.name.split("/")[0] == lane.name]


def _ran(lane: DeclaredLane, verdict: Verdict) -> str:
    """Return what became of a lane: that it ran, which part of it, or why it did not."""
    own = _own(lane, verdict)
    ran = [check for check in own if check.record is not None]
    if ran and len(ran) == len(own):
        return f"ran, {WORDS[_worst(own)]}"
    if ran:
        return f"ran {len(ran)} of {len(own)}: {', '.join(check.name for check in ran)}"
    if not own:
        return f"not run: {_unneeded(verdict)}"
    return f"not run: {'; '.join(dict.fromkeys(check.reason for check in own)) or 'no evidence'}"


def _worst(checks: Sequence[Check]) -> Status:
    return next(s for s in (Status.FAILED, Status.SKIPPED, Status.PASSED) if any(c.status is s for c in checks))


def _unneeded(verdict: Verdict) -> str:
    return f"only {verdict.lane} was asked for" if verdict.lane else f"policy {verdict.policy} does not need it"


def not_needed(verdict: Verdict) -> list[str]:
    """Return what a verdict of the project says nothing about: lanes, providers and services, and what needs them."""
    if verdict.lane:
        return []
    rows = [
        f"- lane {escape(lane.name)}: {escape(' and '.join(lane.policies) or 'no policy')} would need it;"
        f" {code(f'nox -s {lane.name}')} runs it"
        for lane in verdict.lanes if not any(check.required for check in _own(lane, verdict))
    ]  # fmt: skip
    rows += [
        f"- {escape(check.name)}: {WORDS[check.status]}{escape(f', {check.reason}') if check.reason else ''};"
        f" {code(f'READINESS_EXPECT={check.name}')} would need it"
        for check in verdict.checks if check.record is None and not check.required
    ]  # fmt: skip
    return [f"## Not needed by policy {escape(verdict.policy)}", "", *(rows or ["Nothing: it needs every lane."])]
