"""Seals on journal lines: what the harness wrote is known from what anybody else did."""

from __future__ import annotations

import msgspec
import pytest

from greenlane.evidence.journal import AnyEvent, TestStarted
from greenlane.evidence.seals import KEY_BYTES, broken_seals, with_seal

KEY = bytes(range(KEY_BYTES))


def line(seq: int, worker: str = "main", key: bytes = KEY) -> bytes:
    """Return one sealed line."""
    body = msgspec.json.encode(TestStarted(worker=worker, at=1.0, seq=seq, nodeid=f"tests/test_a.py::test_{seq}"))
    return with_seal(body, key) + b"\n"


WHOLE = line(0) + line(0, "gw1") + line(1) + line(1, "gw1") + line(2)


def test_what_the_harness_wrote_is_whole() -> None:
    """Lines of several processes, in any order between them, and nothing at all."""
    assert broken_seals(WHOLE, KEY) == ()
    assert broken_seals(line(1) + line(0), KEY) == ()
    assert broken_seals(b"", KEY) == ()


def test_a_sealed_line_is_an_event() -> None:
    """The seal is a field that readers of the journal need not know."""
    event = msgspec.json.decode(line(7), type=AnyEvent)
    assert (event.seq, event.worker) == (7, "main")


FOREIGN = {
    "unsealed": msgspec.json.encode(TestStarted(worker="main", at=1.0, seq=3, nodeid="x")) + b"\n",
    "another key": line(3, key=bytes(KEY_BYTES)),
    "altered": line(3).replace(b"test_3", b"test_4"),
    "cut": line(3)[:-9] + b"\n",
    "no JSON": b"hello\n",
    "empty": b"\n",
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_line_of_somebody_else(foreign: bytes) -> None:
    """It is named by its number."""
    assert broken_seals(WHOLE + foreign, KEY) == ("journal line 6 was not written by the harness, or was altered",)


def test_a_line_that_was_copied() -> None:
    """A true line, a second time."""
    assert broken_seals(WHOLE + line(1), KEY) == ("journal line 6 is a copy of another",)


def test_lines_that_were_taken_out() -> None:
    """The numbers of the process have a gap."""
    assert broken_seals(line(0) + line(3) + line(0, "gw1"), KEY) == ("2 journal lines of process main are missing",)


def test_many_broken_lines_are_summed_up() -> None:
    """Three are named."""
    told = broken_seals(b"x\n" * 10, KEY)
    assert len(told) == 4
    assert told[-1] == "… and 7 more such lines"
