"""The supervisor of a shard at the queue: it waits for what may come back, and takes it when it does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from greenlane.history.database import connect
from greenlane.history.queue import Queue
from greenlane.sharding.assignment import digest
from greenlane.sharding.pulling import Enter, Given, Next, Peek, QueueMessage
from greenlane.supervisor.plan import PullPlan
from greenlane.supervisor.pulling import Pulling, ordered

FILES = ("a.py", "b.py", "c.py")
SAME = digest(("c", ""))
"""What the queue knows of a shard that collected `c`, in a tree of no name."""


class Shard:
    """The lane's end of the socket.

    Args:
        end: of the socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lines = end.makefile("rb")

    def ask(self, message: QueueMessage) -> Given:
        """Say what is wished; return the answer."""
        self._end.sendall(msgspec.json.encode(message) + b"\n")
        return msgspec.json.decode(self._lines.readline(), type=Given)

    def close(self) -> None:
        """Go away."""
        self._lines.close()
        self._end.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Address of a database of its own."""
    return f"sqlite:///{tmp_path / 'history.sqlite'}"


@pytest.fixture
def said() -> list[str]:
    """What the supervisor has told."""
    return []


@pytest.fixture
def shard(url: str, said: list[str]) -> Iterator[Shard]:
    """A shard whose supervisor loses patience with others at once."""
    plan = PullPlan(url=url, queue="q", shard="mine", life="1", seconds={"b.py": 9.0, "a.py": 1.0}, patience=0.0)
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=Pulling(plan, ours, said.append).run)
    thread.start()
    shard = Shard(theirs)
    yield shard
    shard.close()
    thread.join(10)
    ours.close()


def test_what_a_dead_shard_had_is_run_here(url: str, shard: Shard, said: list[str]) -> None:
    """It had claimed the longest file and shows no life: its file comes back, and it is said."""
    dead = Queue(connect(url), "q", "dead", "1")
    dead.enter(SAME, ordered(FILES, {"b.py": 9.0, "a.py": 1.0}))
    assert dead.claim() == "b.py"

    assert shard.ask(Enter(collection="c", files=FILES)).more
    assert shard.ask(Next()).file == "c.py"
    assert shard.ask(Peek()).more
    assert shard.ask(Next(done="c.py")).file == "a.py"
    assert shard.ask(Next(done="a.py")).file == "b.py"
    assert not shard.ask(Peek()).more
    assert shard.ask(Next(done="b.py")) == Given()
    assert said == ["queue q: dead shows no life; its files go back"]


def test_a_shard_that_was_replaced_must_stop(url: str, shard: Shard) -> None:
    """Another run of it has begun: its files are no longer its own, and it is told."""
    shard.ask(Enter(collection="c", files=FILES))
    shard.ask(Next())
    Queue(connect(url), "q", "mine", "2").enter(SAME, FILES)

    assert "mine was taken for dead" in shard.ask(Next(done="b.py")).failure


def test_a_shard_of_another_collection_must_stop(url: str, shard: Shard, said: list[str]) -> None:
    """It is told before it runs anything."""
    Queue(connect(url), "q", "other", "1").enter("another", FILES)

    assert "holds the files of another collection" in shard.ask(Enter(collection="c", files=FILES)).failure
    assert len(said) == 1


def test_the_longest_is_given_away_first() -> None:
    """A file without a record counts with the mean."""
    assert ordered(("new.py", "a.py", "b.py"), {"b.py": 9.0, "a.py": 1.0}) == ["b.py", "new.py", "a.py"]
    assert ordered(("b.py", "a.py"), {}) == ["a.py", "b.py"]
