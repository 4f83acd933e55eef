"""A search ends when its time is over, whatever it is looking for."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import msgspec
import pytest

from greenlane.evidence.search import Attempt, Findings, Inventory, Observation, Observations
from greenlane.supervisor.plan import SearchPlan, Sought
from greenlane.supervisor.searching import Searching

TESTS = tuple(f"tests/test_it.py::test_{number}" for number in range(8))


def serve(end: socket.socket, asked: list[int]) -> None:
    """Answer as a lane process in which no test ever fails; note how many chains each task has."""
    with end, end.makefile("rwb") as stream:
        stream.write(msgspec.json.encode(Inventory(tests=TESTS)) + b"\n")
        stream.flush()
        for line in stream:
            chains = msgspec.json.decode(line, type=Attempt).chains
            asked.append(len(chains))
            answer = Observations(observations=tuple(Observation(clear=len(chain.tests)) for chain in chains))
            stream.write(msgspec.json.encode(answer) + b"\n")
            stream.flush()


@pytest.mark.parametrize(("patience", "searches"), [(0.0, 2), (3600.0, 2), (1e-9, 0)])
def test_nothing_is_tried_after_patience_is_over(tmp_path: Path, patience: float, searches: int) -> None:
    """Not even what is left of the first search; what was found by then is the answer."""
    asked: list[int] = []
    ours, theirs = socket.socketpair()
    lane = threading.Thread(target=serve, args=(theirs, asked))
    lane.start()
    answer = tmp_path / "findings.json"
    sought = tuple(Sought(victim=victim) for victim in TESTS[6:])

    Searching(SearchPlan(sought=sought, patience=patience, answer=str(answer)), ours, lambda _: None).run()
    lane.join()

    found = msgspec.json.decode(answer.read_bytes(), type=list[Findings])
    assert len(found) == searches
    assert bool(asked) is bool(searches)
