"""One run at a time in an environment."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenlane.environment.exclusive import exclusive

HOLD = """
import sys
from pathlib import Path
from greenlane.environment.exclusive import exclusive

def say(text):
    print("said", text, flush=True)

with exclusive(Path(sys.argv[1]), sys.argv[2], say):
    print("holds", flush=True)
    sys.stdin.readline()
print("gave back", flush=True)
"""


class Holder:
    """A process that holds the lock until it is told to let go."""

    def __init__(self, path: Path, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        )  # fmt: skip

    def line(self) -> str:
        """Return the next line that it prints, waiting for it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def silent(self) -> bool:
        """Return whether it has printed nothing since the last line."""
        return select.select([self.process.stdout], [], [], 0)[0] == []

    def let_go(self) -> None:
        """Tell it to end its block."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Wait until it is gone."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[tuple[Holder, Holder]]:
    """One process that holds the lock `core.lock`, and a second that wants it."""
    path = tmp_path / "deep" / "core.lock"
    first = Holder(path, "run one (process 1)")
    try:
        assert first.line() == "holds"
        second = Holder(path, "run two (process 2)")
        try:
            yield first, second
        finally:
            second.end()
    finally:
        first.end()


def test_the_second_waits_and_says_for_whom(holders: tuple[Holder, Holder], tmp_path: Path) -> None:
    """It says so before it has the lock, and has it only after the first gave it back."""
    first, second = holders

    assert second.line() == "said waiting for run one (process 1), which uses core"
    third = Holder(tmp_path / "deep" / "core.lock", "run three")
    try:
        assert third.line() == "said waiting for run one (process 1), which uses core"
    finally:
        third.end()
    # A whole process came and went meanwhile: had the second not waited, it would have spoken.
    assert second.silent()
    first.let_go()
    assert first.line() == "gave back"
    assert second.line() == "holds"


def test_a_dead_holder_gives_the_lock_back(holders: tuple[Holder, Holder]) -> None:
    """However it dies: the kernel keeps the lock, not a file that somebody must remove."""
    first, second = holders
    assert second.line().startswith("said waiting for run one")

    first.process.send_signal(signal.SIGKILL)

    assert second.line() == "holds"


def test_whoever_waited_is_the_next_that_is_waited_for(holders: tuple[Holder, Holder], tmp_path: Path) -> None:
    """The name in the file is the present holder's."""
    first, second = holders
    second.line()
    first.let_go()
    assert second.line() == "holds"

    third = Holder(tmp_path / "deep" / "core.lock", "run three")
    try:
        assert third.line() == "said waiting for run two (process 2), which uses core"
    finally:
        third.end()


def test_a_free_lock_is_taken_in_silence(tmp_path: Path) -> None:
    """Nobody is waited for, and the lock is free again afterwards, also after a failure."""
    said: list[str] = []
    path = tmp_path / "core.lock"

    def fail() -> None:
        with exclusive(path, "me", said.append):
            assert path.read_text() == "me"
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    with exclusive(path, "you", said.append):
        assert path.read_text() == "you"

    assert said == []
