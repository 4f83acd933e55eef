"""Issues as files, ready to be posted."""

from __future__ import annotations

import re
from pathlib import Path

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
