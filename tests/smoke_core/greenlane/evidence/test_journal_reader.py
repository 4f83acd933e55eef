"""Reading a journal, while it is written and whatever has become of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from greenlane.evidence.journal import TestFinished, TestStarted
from greenlane.evidence.journal_reader import JournalReader, running_tests
from greenlane.evidence.outcome import Outcome


def line(event: msgspec.Struct) -> bytes:
    """Return an event as the journal holds it."""
    return msgspec.json.encode(event) + b"\n"


def began(nodeid: str) -> TestStarted:
    """Return the event with which a test begins."""
    return TestStarted(worker="m", at=1.0, nodeid=nodeid)


def test_only_what_is_new_and_whole(tmp_path: Path) -> None:
    """Half a line waits for its other half; a journal that is not there yet is empty; a damaged line is left out."""
    path = tmp_path / "journal.jsonl"
    reader = JournalReader(path)
    first, second = began("a"), began("b")

    assert reader.read() == []
    path.write_bytes(line(first) + line(second)[:10])
    assert reader.read() == [first]
    assert reader.read() == []
    with path.open("ab") as file:
        file.write(line(second)[10:] + b"no json\n")
    assert reader.read() == [second]
    assert [damage.partition(":")[0] for damage in reader.damage] == ["journal.jsonl line 3 is damaged"]


def test_a_line_is_cleaned_before_it_is_understood(tmp_path: Path) -> None:
    """What is taken out of a line is in no event."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(line(began("a secret")))

    assert JournalReader(path, lambda text: text.replace(b"secret", b"mark")).read() == [began("a mark")]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b"\xff\n"), id="no-text"),
        pytest.param(lambda path: path.write_bytes(b'{"event":"test_started","x":' + b"[" * 100_000), id="nested"),
        pytest.param(os.mkfifo, id="pipe"),
        pytest.param(os.mkdir, id="folder"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), id="device"),
        pytest.param(lambda path: path.symlink_to("nothing"), id="dead-link"),
    ],
)
def test_nothing_raises_and_nothing_waits(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """Whoever is about to stop the lane gets an answer at once; whoever judges is told of the damage."""
    path = tmp_path / "journal.jsonl"
    spoil(path)

    assert running_tests(path) == ()
    reader = JournalReader(path)
    assert reader.read_to_end() == []
    assert reader.damage


def test_what_is_running(tmp_path: Path) -> None:
    """A test runs from its beginning to its end; lines that nobody understands are passed over."""
    path = tmp_path / "journal.jsonl"
    end = TestFinished(worker="m", at=2.0, nodeid="a", outcome=Outcome.PASSED, duration=0.1)
    path.write_bytes(line(began("a")) + line(began("b")) + b"\xff\n" + line(end) + line(began("c"))[:-4])

    assert running_tests(path) == ("b",)
