"""What the journal of an earlier run tells about a victim, without running anything."""

from __future__ import annotations

from typing import Any

from greenlane.evidence.evidence import JournalFacts
from greenlane.evidence.journal import Leaked
from greenlane.polluter.suspects import text_of, traces
from support.evidence import failed, outcome

VICTIM = "tests/test_b.py::test_v"
READS = "def test_v(): assert shop.RATE == 1\n"


def leak(test: str, what: str = "shop.RATE", **fields: Any) -> Leaked:
    """Return a leak of a test of `tests/test_a.py`."""
    told = {"worker": "main", "at": 1.0, "watcher": "attributes", "nodeid": f"tests/test_a.py::{test}", "what": what}
    return Leaked(**{**told, **fields})


def facts(*leaks: Leaked, victim: bool | None = True, others: tuple[str, ...] = ("test_1", "test_2")) -> JournalFacts:
    """Return a journal in which the victim ran last and passed or failed, or did not run."""
    tests = [outcome(name) for name in others]
    if victim is not None:
        tests.append(outcome(VICTIM) if victim else failed(VICTIM, cause="assert 2 == 1"))
    return JournalFacts(outcomes=tuple(tests), leaks=leaks)


def test_one_that_left_what_the_victim_reads_is_named() -> None:
    """Among several leaks, by the name that stands in the victim's file."""
    told = traces(facts(leak("test_1", "shop.CART"), leak("test_2")), VICTIM, READS)

    assert told.named == "tests/test_a.py::test_2"
    assert told.suspects == ("tests/test_a.py::test_1", "tests/test_a.py::test_2")


def test_two_that_left_it_are_suspects_only() -> None:
    """Which of them it was is for a search to find out; it begins with them."""
    told = traces(facts(leak("test_1"), leak("test_2")), VICTIM, READS)

    assert (told.named, len(told.suspects)) == ("", 2)


def test_a_name_within_another_is_not_mentioned() -> None:
    """`RATE` does not stand in `RATES`."""
    assert traces(facts(leak("test_1")), VICTIM, "shop.RATES").named == ""


def test_a_single_leak_that_nothing_connects_is_a_suspect() -> None:
    """It may have nothing to do with the victim."""
    told = traces(facts(leak("test_1", "umask", watcher="umask")), VICTIM, READS)

    assert (told.named, told.suspects) == ("", ("tests/test_a.py::test_1",))


def test_a_victim_that_failed_after_what_could_not_be_put_back() -> None:
    """What was put back cannot have harmed it; what ran before it in its process is known."""
    told = traces(
        facts(leak("test_1"), leak("test_2", "shop.SOCKET", restored=False), victim=False), VICTIM, READS
    )  # fmt: skip

    assert told.named == "tests/test_a.py::test_2"
    assert told.before == ("tests/test_a.py::test_1", "tests/test_a.py::test_2")


def test_a_leak_of_another_process_or_of_the_victim_does_not_count() -> None:
    """They shared nothing."""
    tests = (outcome("test_1", worker="gw0"), failed(VICTIM, worker="gw1"))
    journal = JournalFacts(outcomes=tests, leaks=(leak("test_1", restored=False), leak("x", nodeid=VICTIM)))

    assert traces(journal, VICTIM, READS).leaks == ()


def test_the_text_of_a_test_is_its_function() -> None:
    """Of a method, too; without it, and in a file that is no Python, the whole file counts."""
    source = "def test_a(): pass\nclass TestC:\n    def test_a(self): return 2\n"

    assert text_of(source, "t.py::test_a[1]") == "def test_a(): pass"
    assert text_of(source, "t.py::TestC::test_a") == "def test_a(self): return 2"
    assert text_of(source, "t.py::test_b") == source
    assert text_of("def (", "t.py::test_b") == "def ("


def test_a_run_without_leaks_tells_the_order_of_a_failure() -> None:
    """And nothing about a victim that passed, or did not run."""
    assert traces(facts(victim=False), VICTIM, READS).before == ("tests/test_a.py::test_1", "tests/test_a.py::test_2")
    assert traces(facts(), VICTIM, READS).before == ()
    assert traces(facts(leak("test_1"), victim=None), VICTIM, READS).named == "tests/test_a.py::test_1"
