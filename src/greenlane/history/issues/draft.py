"""The issue of a flaky test: its words, and a file of them where no tracker is at hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from greenlane.errors import EXIT_NOT_READY, GreenlaneError
from greenlane.evidence.quarantine import Entry
from greenlane.report.lines import clean
from greenlane.report.marked import code
from greenlane.util.files import write_atomically

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
LONGEST = 80
"""Characters of a test's name in a file's name; the digest behind them tells it from others."""


class Drafts:
    """A folder of Markdown files.

    Args:
        folder: of the files, relative to it.
    """

    def __init__(self, project: Path, folder: str) -> None:
        self._project = project
        self._folder = folder

    def open(self, marker: str, title: str, body: str) -> str:
        """Write the issue and return its path relative to the project; a file that is there is left as it is."""
        digest = _UNFIT.sub("", marker.rpartition(":")[2])[:8]
        tail = _UNFIT.sub("-", title.rpartition(": ")[2])[-LONGEST:].strip("-.")
        name = f"{self._folder}/{tail}-{digest}.md"
        if not (self._project / name).exists():
            write_atomically(self._project / name, f"# {title}\n\n{body}")
        return name


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


class IssueError(GreenlaneError):
    """An issue could not be opened."""

    exit_code = EXIT_NOT_READY
    label = "ISSUE"


class Tracker(Protocol):
    """Keeps the issues of one project; of one test there is never a second."""

    def open(self, marker: str, title: str, body: str) -> str:
        """Open the issue of a test, or find it where it is open already, and return its address.

        Args:
            marker: text in the body that only this test's issue has.
            body: Markdown.

        Raises:
            IssueError: the tracker cannot be reached or refuses.
        """
