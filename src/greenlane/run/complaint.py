"""What pytest said where it did not get as far as running tests."""

from __future__ import annotations

import re
from pathlib import Path

BEFORE_TESTS = (3, 4)
"""Exit statuses of a pytest that ended by an internal error or a usage error."""

_COMPLAINT = re.compile(
    r"^(?:INTERNALERROR> |ERROR: (?!usage: )|\S.*: error: |E   )(?!Traceback|\s)(.+)$", re.MULTILINE
)
"""How pytest tells of a wrong ini file or plugin, argparse of a wrong option, and both of a conftest that fails."""


_INTERNAL = re.compile(r"INTERNALERROR> (?:E\s+)?([A-Za-z_][\w.]*: (?!Traceback).+)$", re.MULTILINE)
"""How pytest tells of an exception in a hook; one of a worker stands within the report of xdist's own."""

_RAISED = re.compile(r"^Traceback \(most recent call last\):\n(?:^\s.*\n)+^(\w[\w.]*(?:: .+)?)$", re.MULTILINE)
"""How Python tells of an exception that nobody caught, as pytest's own while it reads its configuration."""

_BEGAN = re.compile(r"^=+ test session starts =+$", re.MULTILINE)


def complaint(log: Path, status: int | None) -> str:
    """Return the line in which a pytest told why it ended before its tests; empty where it did not, or ran them.

    Args:
        status: exit status of the lane's pytest.
    """
    if status not in (1, *BEFORE_TESTS) or not log.exists():
        return ""
    text = log.read_text(encoding="utf-8", errors="replace")
    if status in BEFORE_TESTS:
        found = _INTERNAL.search(text) or _COMPLAINT.search(text)
        return found.group(1).strip() if found else ""
    raised = [] if _BEGAN.search(text) else _RAISED.findall(text)
    return raised[-1].strip() if raised else ""
