"""Pruning by atomic groups."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mini_agent.agent.history import group_messages, message_size, prune
from support.agent_runs import PROPERTY


def _call(*ids: str, arguments: str = "{}") -> dict[str, Any]:
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": arguments}} for one in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _reply(call_id: str, content: str = "r") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def _said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


@st.composite
def _conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Conversations of every kind of message, orphans and late or missing replies among them."""
    messages: list[dict[str, Any]] = []
    open_ids: list[str] = []
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["user", "assistant", "system", "calls", "reply", "orphan"]))
        text = "x" * draw(st.integers(0, 12))
        if kind == "calls":
            ids = [f"{number}-{one}" for one in range(draw(st.integers(1, 3)))]
            messages.append(_call(*ids))
            answered = draw(st.integers(0, len(ids)))
            messages += [_reply(one, text) for one in ids[:answered]]
            open_ids += ids[answered:]
        elif kind == "reply" and open_ids:
            messages.append(_reply(open_ids.pop(), text))
        elif kind in ("reply", "orphan"):
            messages.append(_reply(f"orphan-{number}", text))
        else:
            messages.append(_said(kind, text))
    return messages


_limits = {"max_messages": st.integers(1, 12), "budget": st.integers(1, 60)}


def _positions(view: list[dict[str, Any]], messages: list[dict[str, Any]]) -> list[int]:
    ids = [id(message) for message in messages]
    return [ids.index(id(message)) for message in view]


@PROPERTY
@given(_conversations(), _limits["max_messages"], _limits["budget"])
def test_groups_are_whole_or_absent(messages: list[dict[str, Any]], max_messages: int, budget: int) -> None:
    """A view holds each group entirely or not at all, no orphan, and everything in its old order."""
    positions = _positions(prune(messages, max_messages, budget), messages)
    assert positions == sorted(positions)
    kept = set(positions)
    grouped: set[int] = set()
    for group in group_messages(messages):
        members = set(group.indices)
        grouped |= members
        assert members <= kept or not members & kept
    assert kept <= grouped


@PROPERTY
@given(_conversations(), _limits["max_messages"], _limits["budget"])
def test_essentials_always_stay(messages: list[dict[str, Any]], max_messages: int, budget: int) -> None:
    """All system messages, the last tool-call group and the most recent user message survive any limit."""
    kept = set(_positions(prune(messages, max_messages, budget), messages))
    groups = group_messages(messages)
    assert all(set(group.indices) <= kept for group in groups if group.kind == "system")
    for kind in ("user", "tools"):
        last = [group for group in groups if group.kind == kind][-1:]
        assert all(set(group.indices) <= kept for group in last)


@PROPERTY
@given(_conversations(), _limits["max_messages"], _limits["budget"])
def test_limits_hold_beyond_the_essentials(messages: list[dict[str, Any]], max_messages: int, budget: int) -> None:
    """A view is within both limits, unless nothing but essentials is left to exceed them."""
    view = prune(messages, max_messages, budget)
    groups = group_messages(view)
    last = {kind: max((n for n, g in enumerate(groups) if g.kind == kind), default=None) for kind in ("user", "tools")}
    spare = [n for n, group in enumerate(groups) if group.kind != "system" and n not in last.values()]
    if spare:
        assert sum(message_size(message) for message in view) <= budget
        assert sum(message["role"] != "system" for message in view) <= max_messages


@PROPERTY
@given(_conversations())
def test_nothing_but_orphans_leaves_without_need(messages: list[dict[str, Any]]) -> None:
    """With room for everything only the orphans leave, and pruning again changes nothing."""
    view = prune(messages, 1000, 100_000)
    grouped = {index for group in group_messages(messages) for index in group.indices}
    assert view == [message for index, message in enumerate(messages) if index in grouped]
    assert prune(view, 1000, 100_000) == view


def test_the_newest_groups_are_kept() -> None:
    """Of three old exchanges and a limit of three messages, the newest three stay."""
    messages = [_said("user", "1"), _said("assistant", "2"), _said("user", "3"), _said("assistant", "4")]
    assert [message["content"] for message in prune(messages, 3, 1000)] == ["2", "3", "4"]


def test_a_group_that_does_not_fit_ends_the_selection() -> None:
    """Newer groups are never skipped for older ones: the view has no hole but for essentials."""
    messages = [_said("assistant", "old"), _call("a"), _reply("a"), _said("user", "u"), _call("z"), _reply("z")]
    assert prune(messages, 4, 1000) == messages[3:]


def test_oldest_go_first_when_characters_run_out() -> None:
    """The character budget takes the oldest groups that are not essential."""
    messages = [
        _said("system", "s" * 10),
        _said("assistant", "a" * 10),
        _said("assistant", "b" * 10),
        _said("user", "u"),
    ]
    assert prune(messages, 50, 21) == [messages[0], messages[2], messages[3]]


def test_size_counts_text_calls_and_other_parts() -> None:
    """String content, text parts, names and arguments count by length, any other part 256."""
    image = {"type": "image_url", "image_url": {"url": "data:" + "x" * 9999}}
    assert message_size(_said("user", "12345")) == 5
    assert message_size({"role": "user", "content": [{"type": "text", "text": "123"}, image]}) == 3 + 256
    assert message_size(_call("a", arguments='{"k":1}')) == len("f") + len('{"k":1}')
    assert message_size({"role": "assistant", "content": None}) == 0
    assert message_size({"role": "assistant", "content": {"a": 1}}) == 256
