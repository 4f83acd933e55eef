"""The event reader against every way a network can cut a stream."""

from __future__ import annotations

import random

import pytest

from mini_agent.net.sse import SseReader


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("seed", range(30))
def test_any_cut_gives_the_same_events(seed: int, end: bytes) -> None:
    """For every line end and every cut, the payloads come out as they went in."""
    dice = random.Random(seed)
    payloads = ["".join(dice.choices('ab {}":,é', k=dice.randint(1, 20))).encode() for _ in range(dice.randint(0, 6))]
    wire = b"".join(b": c" + end + b"data: " + payload + end + end for payload in payloads)
    reader, found, position = SseReader(), [], 0
    while position < len(wire):
        size = dice.randint(1, 9)
        found += reader.feed(wire[position : position + size])
        position += size
    assert found + reader.finish() == payloads


def test_multi_line_data_is_joined() -> None:
    """Several data lines are one payload with line breaks between them."""
    assert SseReader().feed(b"data: a\ndata:b\n\n") == [b"a\nb"]


def test_event_without_closing_blank_line_comes_at_the_end() -> None:
    """What the provider sent before it closed is not lost, but is not an event before that either."""
    reader = SseReader()
    assert reader.feed(b"data: a\n") == []
    assert reader.finish() == [b"a"]
