"""Collecting tool calls from the pieces of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from mini_agent.agent.fragments import ToolFragments


def piece(arguments: Any = None, index: int | None = None, call_id: str | None = None, name: str | None = None) -> Any:
    """Return one element of a delta's `tool_calls`."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    found = {key: value for key, value in (("index", index), ("id", call_id)) if value is not None}
    return {**found, "function": function}


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(
            [piece("", 0, "a", "f"), piece("", 1, "b", "g"), piece('{"x"', 0), piece("{}", 1), piece(": 1}", 0)],
            [("a", "f", '{"x": 1}'), ("b", "g", "{}")],
            id="by index, interleaved",
        ),
        pytest.param(
            [piece("", 0, "a", "f"), piece("1", 0, "other", "other"), piece("2", 0, "", "")],
            [("a", "f", "12")],
            id="first id and name are kept",
        ),
        pytest.param(
            [piece("1", None, "a", "f"), piece("2", None, "b", "g"), piece("3", None, "a"), piece("4")],
            [("a", "f", "13"), ("b", "g", "24")],
            id="without index the id decides, else the newest",
        ),
        pytest.param([piece({"x": 1}, 0, "a", "f")], [("a", "f", '{"x": 1}')], id="arguments as an object"),
        pytest.param(
            [piece("{}", 3, None, "f"), piece("{}", 7, None, "g")], [("p0", "f", "{}"), ("p1", "g", "{}")], id="ids"
        ),
        pytest.param([None, 3, {"function": None, "index": True, "id": 5}], [("p0", "", "")], id="nonsense"),
    ],
)
def test_pieces_become_calls(pieces: list[Any], expected: list[tuple[str, str, str]]) -> None:
    """One by one or all at once, the calls are the same."""
    for batches in ([[part] for part in pieces], [pieces]):
        fragments = ToolFragments()
        for batch in batches:
            fragments.add(batch)
        assert [(call.id, call.name, call.arguments) for call in fragments.calls("p")] == expected


def test_whole_calls_are_never_joined() -> None:
    """In a message each object is a call, even without ids or with the same index."""
    fragments = ToolFragments()
    fragments.add_whole([piece("{}", 0, None, "f"), piece("{}", 0, None, "g"), None])
    assert [(call.id, call.name) for call in fragments.calls("p")] == [("p0", "f"), ("p1", "g")]


@pytest.mark.parametrize("nothing", [None, [], "x", {}])
def test_nothing_is_no_call(nothing: Any) -> None:
    """Null and empty lists stand in many deltas."""
    fragments = ToolFragments()
    fragments.add(nothing)
    assert not fragments
