"""Copies of a lane process that are asked side by side."""

from __future__ import annotations

import subprocess
import sys

ASK = """
from greenlane.plugin.polluter.forks import side_by_side

def work(number):
    return lambda say: b"%d" % number

answers, words = side_by_side([work(number) for number in range(40)], lambda answer: answer == b"0")
print(answers[0].decode(), len(answers), len(words))
"""


def test_many_that_end_at_once_end_the_wait() -> None:
    """All have answered before anybody listens, and the first is enough: the others are not waited for again."""
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.returncode) == ("0 40 40\n", 0), done.stderr
