"""What the verdict rests on: locks, tree, interpreter, isolation; and the state that tests left behind."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from greenlane.evidence.evidence import LaneEvidence, LaneRecord, ServiceRecord
from greenlane.evidence.journal import Leaked
from greenlane.evidence.verdict import Verdict
from greenlane.report.page.markup import Markup, Section, code, join, listing, seconds, section, tag


def leaks(evidence: Sequence[LaneEvidence]) -> Section | None:
    """Return every leak; None when no test left anything behind."""
    found = [(item.record.check, leak) for item in evidence for leak in item.journal.leaks]
    heads = ("level", "kind", "what changed", "from", "to", "where", "test", "instead")
    return listing("leaks", "Leaks", heads, found, _leak, "leaks")


def _leak(found: tuple[str, Leaked]) -> tuple[str, ...]:
    check, leak = found
    owner = f" by {leak.owner}" if leak.owner else ""
    after = "" if leak.restored else " (it has not been put back)"
    place = join("" if leak.sure else "probably ", code(leak.where)) if leak.where else ""
    return (
        tag("span", leak.level, class_=f"badge {'failed' if leak.level == 'error' else 'skipped'}"),
        leak.watcher if leak.blame == "leak" else f"{leak.watcher}, {leak.blame}",
        code(leak.what),
        code(leak.before),
        join(code(leak.after), after),
        place,
        join(code(leak.nodeid), owner, tag("small", f" {check}")),
        leak.advice,
    )


def section_of(verdict: Verdict) -> Section | None:
    """Return the evidence of each check, folded, and the gates; None when nothing was run."""
    blocks = [_record(check.name, check.record) for check in verdict.checks if check.record is not None]
    gates = [
        tag("li", tag("b", gate.provider), ": open" if gate.open else f": closed, {gate.reason}")
        for gate in verdict.gates
    ]
    shut = join(tag("h3", "Live providers"), tag("ul", *gates, class_="plain")) if gates else None
    tree = tag("p", "Work tree ", code(verdict.tree)) if verdict.tree else None
    return section("evidence", "Evidence", tree, *blocks, shut) if blocks or gates else None


def _whereabouts(service: ServiceRecord) -> str:
    """Return where a service was; one that only tests start has no address."""
    return (
        f"at {service.base}, ready after {seconds(service.startup)}" if service.base else service.absent or "installed"
    )


def _record(name: str, record: LaneRecord) -> Markup:
    """Return one lane record."""
    result, built = record.result, record.environment
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(result.started_at))
    services = [f"{service.name} {service.failure or _whereabouts(service)}" for service in result.services]
    facts: dict[str, str] = {
        "run": record.run_id,
        "started": began,
        "budget": f"{seconds(record.duration)} of {seconds(record.budget)}" if record.budget else "no limit",
        "exit status": "none" if result.exit_status is None else str(result.exit_status),
        "hermetic level": f"{result.hermetic} {result.hermetic_reason}".strip(),
        "refused by the kernel": f"{result.refused} attempts to leave" if result.refused else "",
        "interpreter": f"{built.version} {built.python}".strip(),
        "plugin": record.plugin,
        "workers, seed": f"{record.workers or '0'}, {record.seed}",
        "lock": built.lock,
        "wheels": built.wheel,
        "tree": record.tree,
        "drift": "; ".join(built.drift),
        "services": "; ".join(services),
        "addresses": _pairs(result.endpoints),
        "environment": _pairs(record.variables),
        "artifacts": _pairs(record.digests),
    }
    rows = [tag("div", tag("dt", key), tag("dd", value)) for key, value in facts.items() if value]
    summary = tag(
        "summary", tag("b", name), f" {record.kind}, hermetic level {result.hermetic}, Python {built.version}"
    )
    return tag("details", summary, tag("dl", *rows, class_="record"))


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items()))
