"""The queue of files that shards pull from: each file is one shard's, and what a dead shard had goes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from greenlane.errors import ConfigError
from greenlane.history.database import connect
from greenlane.history.queue import LostError, Pulse, Queue, Watch

FILES = [f"tests/test_{number}.py" for number in range(60)]


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    """A database of its own."""
    return connect(f"sqlite:///{tmp_path / 'history.sqlite'}")


def entered(engine: sa.Engine, shard: str, life: str = "1", collection: str = "c") -> Queue:
    """Return the queue as a shard sees it that has entered."""
    queue = Queue(engine, "run/nd", shard, life)
    queue.enter(collection, FILES)
    return queue


def drained(queue: Queue) -> list[str]:
    """Take and finish files until none is free."""
    files, file = [], queue.claim()
    while file:
        files.append(file)
        file = queue.claim(file)
    return files


def test_each_file_is_claimed_once(engine: sa.Engine) -> None:
    """Four shards at once; together they have everything, in the order in which it is given away."""
    with ThreadPoolExecutor(4) as pool:
        had = list(pool.map(lambda shard: drained(entered(engine, shard)), "abcd"))

    assert sorted(file for files in had for file in files) == sorted(FILES)
    assert all(files == sorted(files, key=FILES.index) for files in had)
    assert entered(engine, "e").left() == 0


def test_the_files_of_a_dead_shard_go_back(engine: sa.Engine) -> None:
    """Those that it had finished, too, for nobody has what it found out. It learns of it when it asks again."""
    dead, alive = entered(engine, "a"), entered(engine, "b")
    first = dead.claim()
    second = dead.claim(first)
    assert len(drained(alive)) == len(FILES) - 2
    (pulse,) = alive.others()

    assert alive.left() == 1
    assert alive.bury(pulse)

    assert drained(alive) == [first, second]
    assert alive.left() == 0
    for ask in (dead.claim, dead.beat, dead.close):
        with pytest.raises(LostError):
            ask()


def test_a_shard_that_moved_is_not_buried(engine: sa.Engine) -> None:
    """Between the look and the burial it has shown life."""
    slow, other = entered(engine, "a"), entered(engine, "b")
    slow.claim()
    (pulse,) = other.others()
    slow.beat()

    assert not other.bury(pulse)
    assert slow.claim() == FILES[1]


def test_a_shard_that_handed_in_is_not_buried(engine: sa.Engine) -> None:
    """Its work counts, however long it is silent."""
    done, other = entered(engine, "a"), entered(engine, "b")
    (pulse,) = other.others()
    drained(done)
    done.close()

    assert other.others() == []
    assert not other.bury(pulse)
    assert (other.claim(), other.left()) == ("", 0)


def test_a_second_run_of_a_shard_takes_the_place_of_the_first(engine: sa.Engine) -> None:
    """What the first had goes back, also when it had handed in: its artifacts are written anew."""
    first = entered(engine, "a")
    drained(first)
    first.close()

    again = entered(engine, "a", life="2")

    assert drained(again) == FILES
    with pytest.raises(LostError):
        first.beat()


def test_a_queue_holds_one_collection(engine: sa.Engine) -> None:
    """A shard that collected something else is told before it runs anything."""
    entered(engine, "a")

    with pytest.raises(ConfigError, match="queue run/nd holds the files of another collection"):
        entered(engine, "b", collection="other")


def test_who_stands_still_for_too_long_is_noticed() -> None:
    """By the clock of the one who watches; whoever moves or goes is forgotten."""
    watch = Watch(30.0)
    still, moves = Pulse("a", "1", 5), Pulse("b", "1", 5)

    assert watch.dead([still, moves], now=100.0) == []
    assert watch.dead([still, Pulse("b", "1", 6)], now=120.0) == []
    assert watch.dead([still, Pulse("b", "1", 6)], now=131.0) == [still]
    assert watch.dead([Pulse("b", "1", 6)], now=140.0) == []
    assert watch.dead([Pulse("b", "1", 6)], now=151.0) == [Pulse("b", "1", 6)]
