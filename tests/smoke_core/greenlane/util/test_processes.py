"""What is told of processes that outlive a lane."""

from __future__ import annotations

import subprocess
import sys

import pytest

SUPERVISOR = """
import subprocess, sys
from greenlane.util.processes import descendants, end_survivors

child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
told = end_survivors({child.pid} if sys.argv[1] == "ended" else ())
print(len(told), len(descendants()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descendants are read from /proc")
@pytest.mark.parametrize(("group", "told"), [("ended", "0 0"), ("unknown", "1 0")])
def test_who_outlives(group: str, told: str) -> None:
    """Whoever is still there is killed; a member of a group that was ended by name is no survivor of it."""
    done = subprocess.run([sys.executable, "-c", SUPERVISOR, group], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told
