"""Shards at one queue as processes of their own, one of which is killed in the middle of its work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from greenlane.history.database import connect
from greenlane.history.queue import Queue

FILES = [f"tests/test_{number}.py" for number in range(120)]

SHARD = """
import sys, time
from greenlane.history.database import connect
from greenlane.history.queue import Queue, Watch

url, shard, *files = sys.argv[1:]
queue, watch = Queue(connect(url), "run/nd", shard, "1"), Watch(1.0)
queue.enter("c", files)
file = queue.claim()
while file or queue.left():
    if file:
        print(file, flush=True)
        if shard == "dies" and len(sys.stdin.readline()) == 0:
            break
    else:
        for pulse in watch.dead(queue.others(), time.monotonic()):
            queue.bury(pulse)
        time.sleep(0.05)
    file = queue.claim(file)
queue.close()
"""


def start(url: str, shard: str) -> subprocess.Popen[str]:
    """Start a shard that prints each file that it takes; the one that dies waits for a line after each."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", SHARD, url, shard, *FILES]
    return subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_killed_shard_loses_nothing_for_the_others(url: str) -> None:
    """It had finished two files and held a third; in the end the others have run every file, each once."""
    killed = start(url, "dies")
    assert killed.stdin
    assert killed.stdout
    for line in "go\n", "go\n", "":
        assert killed.stdout.readline().strip() in FILES
        killed.stdin.write(line)
        killed.stdin.flush()
    others = [start(url, shard) for shard in ("shard_a", "shard_b", "shard_c")]
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)

    taken = [line for shard in others for line in shard.communicate(timeout=60)[0].split()]

    assert [shard.returncode for shard in others] == [0, 0, 0]
    assert sorted(taken) == sorted(FILES)
    assert Queue(connect(url), "run/nd", "late", "1").left() == 0
