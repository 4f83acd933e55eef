"""Processes of a lane that count at the same counter take turns."""

from __future__ import annotations

import fcntl
import select
import subprocess
import sys
from pathlib import Path

TAKES_ITS_TURN = """
import sys
from pathlib import Path
from greenlane.plugin.network.proof import one_at_a_time
print("asks", flush=True)
with one_at_a_time(Path(sys.argv[1])):
    print("has it", flush=True)
"""


def test_a_second_process_waits_for_its_turn(tmp_path: Path) -> None:
    """What two workers took for their own at once hid an attempt of a child: the second begins after the first."""
    turn = tmp_path / "journal.jsonl"
    turn.write_text("")
    with turn.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-c", TAKES_ITS_TURN, str(turn)], stdout=subprocess.PIPE, bufsize=0)
        assert second.stdout
        assert second.stdout.readline() == b"asks\n"
        assert select.select([second.stdout], [], [], 0.2)[0] == []
    assert second.communicate(timeout=30)[0] == b"has it\n"
