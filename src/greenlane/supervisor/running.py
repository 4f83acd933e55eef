"""Which tests are running right now, as the journal tells."""

from __future__ import annotations

from pathlib import Path

import msgspec

from greenlane.evidence.journal import AnyEvent, TestFinished, TestStarted


def running_tests(journal: Path) -> tuple[str, ...]:
    """Return the tests that began and have not ended, oldest first.

    Args:
        journal: the lane's journal; it may be absent or end in the middle of a line.
    """
    decoder = msgspec.json.Decoder(AnyEvent)
    started: dict[str, None] = {}
    try:
        lines = journal.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    for line in lines:
        try:
            event = decoder.decode(line)
        except msgspec.MsgspecError:
            continue
        if isinstance(event, TestStarted):
            started[event.nodeid] = None
        elif isinstance(event, TestFinished):
            started.pop(event.nodeid, None)
    return tuple(started)
