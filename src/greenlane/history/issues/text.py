"""The issue of a quarantined test: what whoever repairs it needs to know."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from greenlane.evidence.quarantine import Entry
from greenlane.report.lines import clean
from greenlane.report.marked import code


def marker(entry: Entry) -> str:
    """Return what tells the issue of one test from every other, invisible in Markdown; names may hold anything."""
    digest = hashlib.sha256(f"{entry.lane}\0{entry.test}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"<!-- greenlane-flake:{digest[:32]} -->"


def title(entry: Entry) -> str:
    """Return the title of the issue, at most 200 characters."""
    return clean(f"Flaky test in {entry.lane}: {entry.test}")[:200]


def body(entry: Entry, together: Sequence[str]) -> str:
    """Return the text of the issue, as Markdown.

    Args:
        entry: the ledger's entry.
        together: tests that fail in the same runs.
    """
    lines = [
        f"{code(entry.test)} passed and failed on the same tree {len(entry.flakes)} times, in {entry.runs} runs of"
        f" lane {code(entry.lane)}. It is quarantined since {entry.since}: it runs, is reported, and does not gate.",
        "",
        f"After **{entry.expires}** it gates again.{f' Owner: {code(entry.owner)}.' if entry.owner else ''}",
        "",
        "## Evidence",
        "",
        *(f"- {code(line)}" for line in entry.evidence),
    ]
    if together:
        lines += ["", "## Fails together with", "", *(f"- {code(test)}" for test in together)]
    lines += [
        "", "## Next steps", "",
        f"- See its runs: {code(f'greenlane flakes show {entry.test}')}",
        f"- Does another test break it? {code(f'greenlane polluter {entry.test}')}",
        f"- When it is repaired: {code(f'greenlane flakes promote {entry.test}')} shows how many passes are needed.",
        "", marker(entry),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
