"""Tool calls put together from the fragments of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from mini_agent.model.fragments import ToolCallFragments


def fragment(arguments: str | None = None, name: str | None = None, **rest: Any) -> dict[str, Any]:
    """Returns: one fragment, as a stream's delta has it."""
    return {**rest, "function": {"name": name, "arguments": arguments}}


def whole(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """Returns: a call as it is when nothing is cut."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("fragments", "calls"),
    [
        (
            [fragment("", "f", index=0, id="a"), fragment("", "g", index=1, id="b")]
            + [fragment(text, index=index) for index, text in ((0, '{"x"'), (1, '{"y"'), (0, ":1}"), (1, ":2}"))],
            [whole("a", "f", '{"x":1}'), whole("b", "g", '{"y":2}')],
        ),
        (
            [fragment("1", "f", index=0, id="a"), fragment("2", "late", index=0, id="other")],
            [whole("a", "f", "12")],
        ),
        (
            [fragment("1", index=0), fragment("2", "", index=0, id=""), fragment("3", "f", index=0, id="a")],
            [whole("a", "f", "123")],
        ),
        (
            [fragment("1", "f", id="a"), fragment("1", "g", id="b"), fragment("2", id="a"), fragment("2", id="b")],
            [whole("a", "f", "12"), whole("b", "g", "12")],
        ),
        (
            [fragment("1", "f", id="a"), fragment("1", "g", id="b"), fragment("2"), fragment("3")],
            [whole("a", "f", "1"), whole("b", "g", "123")],
        ),
        ([fragment("1"), fragment("2", "f")], [whole("", "f", "12")]),
        ([{"index": 0, "id": 5, "function": None}, {"index": 0, "id": "a"}], [whole("a", "", "")]),
        (
            [fragment("x", "g", index=1, id="b"), fragment("y", "f", index=0, id="a")],
            [whole("b", "g", "x"), whole("a", "f", "y")],
        ),
        ([], []),
    ],
    ids=[
        "index decides, and calls stay apart",
        "the first id and name stand",
        "empty ones do not count",
        "without an index the id decides",
        "without both the newest call",
        "a first fragment that says nothing",
        "odd types are nothing",
        "order of beginning",
        "none",
    ],
)
def test_fragments_make_whole_calls(fragments: list[dict[str, Any]], calls: list[dict[str, Any]]) -> None:
    """Index, id and newest call decide in this order; the first id and name stand, arguments are joined."""
    together = ToolCallFragments()
    for item in fragments:
        together.add(item)
    assert together.calls() == calls
