"""What is asked, and where the answer goes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mini_agent.core.chat import ModelTarget
from mini_agent.memory.messages import STATIC_SYSTEM, accepts_cache_control, has_place, inject, query_of

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "answer"},
    {"role": "user", "content": [{"type": "text", "text": "second"}, IMAGE, "third"]},
]


@pytest.mark.parametrize(
    ("strategy", "query"),
    [
        ("last_user", "second third"),
        ("first_user", "first"),
        ("all_user", "first | second third"),
        ("last_assistant", "answer"),
    ],
)
def test_query_strategies(strategy: str, query: str) -> None:
    """Each takes the text of its messages: strings, text parts and plain strings among the parts."""
    assert query_of(TALK, strategy) == query


@pytest.mark.parametrize(
    "content", [None, "", "  ", [], [IMAGE], {"text": "x"}, 7, [None, {"type": "text", "text": None}]]
)
def test_content_without_text_is_an_empty_query(content: Any) -> None:
    """Null counts as empty, and so does everything that has no text."""
    assert query_of([{"role": "user", "content": content}], "last_user") == ""


def test_a_missing_role_is_told_apart_from_an_empty_text() -> None:
    """Without such a message there is no query at all."""
    assert query_of([{"role": "user", "content": "x"}], "last_assistant") is None
    assert query_of([{"role": "system", "content": "x"}], "all_user") is None


def test_queries_are_cut_at_4000_characters() -> None:
    """Also when many messages are joined."""
    assert len(query_of([{"role": "user", "content": "a" * 3000}] * 2, "all_user") or "") == 4000


def test_system_puts_a_new_message_first_and_touches_no_other() -> None:
    """The context is a system message of its own."""
    assert inject(TALK, "CTX", "system") == [{"role": "system", "content": "CTX"}, *TALK]


def test_user_prefix_goes_before_the_first_user_text() -> None:
    """Context, rule line, text."""
    changed = inject(TALK, "CTX", "user_prefix")
    assert changed[1] == {"role": "user", "content": "CTX\n\n---\n\nfirst"}
    assert [*changed[:1], *changed[2:]] == [*TALK[:1], *TALK[2:]]


def test_user_suffix_goes_after_the_last_user_text_and_keeps_its_parts() -> None:
    """In multimodal content the context becomes a text part; no other part changes."""
    changed = inject(TALK, "CTX", "user_suffix")
    assert changed[3]["content"] == [*TALK[3]["content"], {"type": "text", "text": "---\n\nCTX"}]
    assert inject(TALK[:2], "CTX", "user_suffix")[1]["content"] == "first\n\n---\n\nCTX"


def test_user_prefix_of_multimodal_content_is_its_first_part() -> None:
    """The parts follow unchanged."""
    (changed,) = inject(TALK[3:], "CTX", "user_prefix")
    assert changed["content"] == [{"type": "text", "text": "CTX\n\n---"}, *TALK[3]["content"]]


def test_dual_has_a_part_that_never_changes_and_marks_it_only_where_that_is_known() -> None:
    """A static system message, then the context; `cache_control` only for providers that take it."""
    static, context, *rest = inject(TALK, "CTX", "dual")
    assert (static, context["content"], rest) == ({"role": "system", "content": STATIC_SYSTEM}, "CTX", TALK)
    marked = inject(TALK, "CTX", "dual", cache_control=True)[0]
    assert marked["content"] == [{"type": "text", "text": STATIC_SYSTEM, "cache_control": {"type": "ephemeral"}}]


@pytest.mark.parametrize("strategy", ["system", "user_prefix", "user_suffix", "dual"])
def test_the_callers_messages_are_never_changed(strategy: str) -> None:
    """Every strategy works on a copy."""
    before = copy.deepcopy(TALK)
    inject(TALK, "CTX", strategy, cache_control=True)
    assert before == TALK


@pytest.mark.parametrize("strategy", ["user_prefix", "user_suffix"])
def test_without_a_user_message_user_strategies_have_no_place(strategy: str) -> None:
    """Then the messages stay as they are; so does content that is neither text nor parts."""
    assert not has_place(TALK[:1], strategy)
    assert inject(TALK[:1], "CTX", strategy) == TALK[:1]
    assert has_place(TALK[:1], "system")
    odd = [{"role": "user", "content": {"a": 1}}]
    assert inject(odd, "CTX", strategy) == odd


@pytest.mark.parametrize("strategy", ["user_prefix", "user_suffix"])
def test_null_content_becomes_the_context(strategy: str) -> None:
    """Nothing to separate, so no rule line."""
    assert inject([{"role": "user", "content": None}], "CTX", strategy) == [{"role": "user", "content": "CTX"}]


@pytest.mark.parametrize(
    ("provider", "name", "accepted"),
    [
        ("anthropic", "claude-x", True),
        ("bedrock", "anthropic.claude-x", True),
        ("vertex_ai", "gemini-2", False),
        ("openai", "claude-like", False),
        ("mini-agent", "t", False),
    ],
)
def test_providers_that_take_cache_control(provider: str, name: str, accepted: bool) -> None:
    """Anthropic's own API, and Claude at others."""
    assert accepts_cache_control(ModelTarget(model="m", client="c", provider=provider, name=name)) is accepted
