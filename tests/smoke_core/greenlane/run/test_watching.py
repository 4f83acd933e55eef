"""Following a journal while it is written."""

from __future__ import annotations

from pathlib import Path

import msgspec

from greenlane.evidence.journal import TestFinished, TestStarted
from greenlane.evidence.outcome import Outcome
from greenlane.run.watching import JournalTail


def line(event: msgspec.Struct) -> bytes:
    """Return an event as the journal holds it."""
    return msgspec.json.encode(event) + b"\n"


def test_only_what_is_new_and_whole(tmp_path: Path) -> None:
    """Half a line waits for its other half; a journal that is not there yet is empty; a damaged line is left out."""
    path = tmp_path / "journal.jsonl"
    tail = JournalTail(path, {})
    first, second = (TestStarted(worker="m", at=1.0, nodeid=name) for name in ("a", "b"))

    assert tail.read() == []
    path.write_bytes(line(first) + line(second)[:10])
    assert tail.read() == [first]
    assert tail.read() == []
    with path.open("ab") as file:
        file.write(line(second)[10:] + b"no json\n")
    assert tail.read() == [second]


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    """What a failure says goes to the terminal at once, before the artifacts are cleaned: so it is cleaned here."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(
        line(
            TestFinished(
                worker="m", at=1.0, nodeid="a", outcome=Outcome.FAILED, duration=0.1, cause='key "s3cr\\et" is'
            )
        )
    )

    (event,) = JournalTail(path, {"KEY": "s3cr\\et"}).read()

    assert isinstance(event, TestFinished)
    assert event.cause == 'key "[redacted]" is'
