"""Lane processes that do what they are asked over a socket: pull files from a queue, try chains of tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from greenlane.evidence.contract import Contract, Task
from greenlane.evidence.journal import AnyEvent, Collected, Pulled, TestFinished
from greenlane.evidence.search import (
    CHANNEL_VARIABLE,
    Attempt,
    Chain,
    Inventory,
    LookForLeaks,
    Observation,
    Observations,
)
from greenlane.sharding.assignment import digest
from greenlane.sharding.pulling import Enter, Given, Next, Peek, QueueMessage
from support.measured import measured

T = TypeVar("T")
ZZ = "tests/test_zz.py::test_victim"
POLLUTER = "tests/test_a.py::test_polluter"


class Line:
    """The supervisor's end of the socket to a lane process.

    Args:
        end: of the socket; process: the lane's.
    """

    def __init__(self, end: socket.socket, process: subprocess.Popen[str]) -> None:
        self._end = end
        self._lines = end.makefile("rb")
        self.process = process

    def say(self, message: object) -> None:
        """Send a message."""
        self._end.sendall(msgspec.json.encode(message) + b"\n")

    def hear(self, kind: type[T]) -> T:
        """Return the next message."""
        return msgspec.json.decode(self._lines.readline(), type=kind)

    def ask(self, message: object) -> Observations:
        """Send a task and return its answer."""
        self.say(message)
        return self.hear(Observations)

    def close(self) -> tuple[int, str]:
        """Hang up, and return how the process ended."""
        self._lines.close()
        self._end.close()
        output = self.process.communicate(timeout=150)[0]
        return self.process.returncode, output


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three files, one test that changes a module, one that reads it, one that is pinned elsewhere."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "shop.py").write_text("RATE = 1\n")
    (tmp_path / "tests/conftest.py").write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n")
    (tmp_path / "tests/test_a.py").write_text(
        "import shop, pytest\ndef test_polluter(): shop.RATE = 2\n"
        "@pytest.mark.shard('shard_b')\ndef test_elsewhere(): assert 0\n"
    )
    (tmp_path / "tests/test_b.py").write_text("import os\ndef test_fine(): pass\ndef test_dies(): os._exit(3)\n")
    (tmp_path / "tests/test_zz.py").write_text("import shop\ndef test_victim(): assert shop.RATE == 1\n")
    return tmp_path


@contextmanager
def lane(project: Path, task: Task, **fields: Any) -> Iterator[Line]:
    """Start a lane process with a socket to it."""
    folder = project / ".artifacts"
    folder.mkdir()
    arguments = ("tests", "-p", "no:cacheprovider", "-n", "0")
    contract = Contract(
        run_id="run", lane="nd", kind="nondeterministic", project=str(project), artifacts=str(folder),
        arguments=arguments, tests=("tests",), plugin="0", task=task, **fields,
    )  # fmt: skip
    (folder / "contract.json").write_bytes(msgspec.json.encode(contract))
    ours, theirs = socket.socketpair()
    environ = {"PATH": os.defpath, "HOME": str(project), CHANNEL_VARIABLE: str(theirs.fileno()), **measured()}
    command = [sys.executable, "-P", "-s", "-m", "greenlane.plugin.runner", str(folder / "contract.json")]
    process = subprocess.Popen(
        command, env=environ, pass_fds=(theirs.fileno(),), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    theirs.close()
    line = Line(ours, process)
    try:
        yield line
    finally:
        line.close()


def events(project: Path) -> list[object]:
    """Return the journal."""
    decode = msgspec.json.Decoder(AnyEvent).decode
    return [decode(line) for line in (project / ".artifacts/journal.jsonl").read_bytes().splitlines()]


def test_a_shard_runs_what_the_queue_gives(project: Path) -> None:
    """Whole files, in the order in which they are given; what is pinned elsewhere is left there."""
    (project / "tests/test_b.py").write_text("def test_fine(): pass\ndef test_more(): pass\n")
    files = ["tests/test_zz.py", "tests/test_b.py", "tests/test_a.py"]
    left = files[:]
    heard: list[QueueMessage] = []
    with lane(project, Task.PULL, shard="shard_a", shards=("shard_a", "shard_b")) as line:
        while not heard or not (isinstance(heard[-1], Next) and not left and heard[-1].done == files[-1]):
            heard.append(line.hear(QueueMessage))  # type: ignore[arg-type]
            file = left.pop(0) if isinstance(heard[-1], Next) and left else ""
            line.say(Given(file=file, more=bool(left)))
        status, output = line.close()

    assert status == 0, output
    written = events(project)
    (collected,) = [event for event in written if isinstance(event, Collected)]
    assert heard[0] == Enter(collection=digest(collected.tests), files=tuple(sorted(files)))
    assert collected.selected == ()
    assert [e.file for e in written if isinstance(e, Pulled)] == [
        "tests/test_zz.py",
        "tests/test_b.py",
        "tests/test_a.py",
    ]
    assert [e.nodeid for e in written if isinstance(e, TestFinished)] == [
        ZZ, "tests/test_b.py::test_fine", "tests/test_b.py::test_more", POLLUTER,
    ]  # fmt: skip
    assert sum(isinstance(message, Peek) for message in heard) == 3


def test_a_shard_stops_when_the_queue_fails(project: Path) -> None:
    """It says why, runs nothing and is red."""
    with lane(project, Task.PULL, shard="shard_a", shards=("shard_a", "shard_b")) as line:
        line.hear(Enter)
        line.say(Given(failure="the database is away"))
        status, output = line.close()

    assert status == 3
    assert "greenlane: the queue cannot be used: the database is away" in output
    assert not [event for event in events(project) if isinstance(event, TestFinished)]


def test_chains_are_tried_in_copies(project: Path) -> None:
    """Each in a fresh copy, side by side; the process itself stays as it was, and a test that dies is named."""
    with lane(project, Task.PROBE) as line:
        assert line.hear(Inventory).tests[-1] == ZZ
        alone = Attempt(chains=(Chain(tests=(), tail=(ZZ,)),))
        after = Attempt(chains=(Chain(tests=("tests/test_b.py::test_fine", POLLUTER), tail=(ZZ,)),))
        deadly = Attempt(chains=(Chain(tests=("tests/test_b.py::test_dies", POLLUTER), tail=(ZZ,)),))
        assert line.ask(alone) == Observations(observations=(Observation(outcome="passed"),), ran=1)
        (observation,) = line.ask(after).observations
        assert observation == Observation(found=2, clear=1, outcome="failed", cause="assert 2 == 1")
        assert [s.died for s in line.ask(deadly).observations if s] == ["tests/test_b.py::test_dies"]
        assert line.ask(alone).observations == (Observation(outcome="passed"),)
        restored, again = line.ask(LookForLeaks(tests=(POLLUTER, ZZ))).observations
        assert restored is not None
        assert again == Observation(outcome="passed")
        status, _ = line.close()

    assert status == 0
