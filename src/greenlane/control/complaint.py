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


def complaint(log: Path, status: int | None) -> str:
    """Return the line in which a pytest told why it ended before its tests; empty where it did not, or ran them.

    Args:
        log: the lane's output.
        status: exit status of the lane's pytest.
    """
    if status not in BEFORE_TESTS or not log.exists():
        return ""
    found = _COMPLAINT.search(log.read_text(encoding="utf-8", errors="replace"))
    return found.group(1).strip() if found else ""
