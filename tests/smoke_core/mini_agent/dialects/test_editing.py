"""What the gateway adds to a conversation, in the caller's own words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mini_agent.dialects import Dialect, translate_request
from mini_agent.dialects.editing import Spoken, add_system, add_turns, change_user, set_tools, spoken, without_seals
from mini_agent.dialects.request import Cache, Message, Reasoning, Text, ToolCall, ToolResult
from mini_agent.dialects.sealed import seal
from support.dialect_requests import REQUESTS, TOPICS, says
from support.protocols import violations

CHAT, MESSAGES, RESPONSES = Dialect
CONVERSATIONS = [(dialect, topic) for dialect in Dialect for topic in sorted(REQUESTS)]
each = pytest.mark.parametrize(("dialect", "topic"), CONVERSATIONS, ids=[f"{a}-{b}" for a, b in CONVERSATIONS])


@each
def test_instructions_in_front_leave_all_else_as_it_was(dialect: Dialect, topic: str) -> None:
    """They come first, in the provider's eyes too, and everything that was said is still said.

    Only `instructions` of Responses stay in front: they are no turn, and are left as they are.
    """
    body = REQUESTS[topic](dialect)
    before = copy.deepcopy(body)
    added = add_system(body, dialect, [Text("One.", Cache()), Text("Two.")])
    assert body == before
    if dialect is not CHAT:
        assert violations(dialect, "request", added) == []
    sent = translate_request(added, dialect, MESSAGES).body
    texts = [block["text"] for block in sent["system"]]
    assert texts[texts.index("One.") :][:2] == ["One.", "Two."]
    assert texts[: texts.index("One.")] == ([body["instructions"]] if "instructions" in body else [])
    facts = [fact for fact in TOPICS[topic] if fact[0] != "order"]
    assert all(says(dialect, fact, added) for fact in facts)


@each
@pytest.mark.parametrize("which", [0, -1])
def test_text_around_what_the_user_said_goes_to_the_user(dialect: Dialect, topic: str, which: int) -> None:
    """Into the first or last turn of the user's own, never between a call and its result."""
    body = REQUESTS[topic](dialect)
    before = copy.deepcopy(body)
    changed = change_user(body, dialect, which, before="BEFORE\n", after="\nAFTER")
    assert body == before
    assert violations(dialect, "request", changed) == []
    turns = [text for role, text in spoken(changed, dialect) if role == "user" and text]
    assert turns[which].startswith("BEFORE")
    assert turns[which].endswith("AFTER")
    assert sum("BEFORE" in text for text in turns) == 1
    translate_request(changed, dialect, MESSAGES)


def test_a_conversation_without_words_of_the_user_s_is_left_alone() -> None:
    """Nothing is put where nobody spoke."""
    body = {"model": "m", "messages": [{"role": "assistant", "content": "x"}]}
    assert change_user(body, CHAT, 0, before="B") == body


def test_what_was_said_is_read_in_every_form() -> None:
    """Strings, parts and plain strings among parts are text; images, calls and results are not."""
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": ["a", {"type": "text", "text": "b"}, {"type": "image_url"}]}]
    }
    assert spoken(body, CHAT) == [Spoken("user", "a b")]
    assert spoken({"input": "hi"}, RESPONSES) == [Spoken("user", "hi")]
    for body in ({}, {"messages": 3}, {"messages": [None, {"role": "user"}, {"role": "user", "content": 5}]}):
        assert all(turn.text == "" for turn in spoken(body, MESSAGES))


@pytest.mark.parametrize("dialect", Dialect)
def test_tools_of_the_gateway_are_offered_in_the_caller_s_words(dialect: Dialect) -> None:
    """One spec, as the invokers list it, for every dialect."""
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {}}}
    body = set_tools(REQUESTS["plain"](dialect), dialect, [{"type": "function", "function": function}])
    assert violations(dialect, "request", body) == []
    (tool,) = translate_request(body, dialect, CHAT).request.tools
    assert (tool.name, tool.description, tool.schema) == ("look", "Looks.", function["parameters"])


@pytest.mark.parametrize("dialect", Dialect)
def test_a_turn_of_tools_is_put_behind_the_conversation(dialect: Dialect) -> None:
    """What the model said, its own thought included, and what the tools gave."""
    native = {
        CHAT: {"reasoning_content": "hm"},
        MESSAGES: {"type": "thinking", "thinking": "hm", "signature": "s"},
        RESPONSES: {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "e",
        },
    }[dialect]
    said = Message("assistant", (Reasoning("hm", dialect, native), Text("x"), ToolCall("c1", "look", '{"a":1}')))
    body = add_turns(REQUESTS["plain"](dialect), dialect, [said, Message("tool", (ToolResult("c1", (Text("ok"),)),))])
    assert violations(dialect, "request", body) == []
    read = translate_request(body, dialect, dialect).request.messages
    assert [message.role for message in read] == ["user", "assistant", "tool"]
    assert read[1] == said


@pytest.mark.parametrize("dialect", [MESSAGES, RESPONSES])
def test_what_another_provider_thought_is_taken_out_before_it_reaches_one_of_the_caller_s_dialect(
    dialect: Dialect,
) -> None:
    """A conversation that moves to a provider whose bytes pass unread must not carry a foreign signature."""
    word = seal(Reasoning("hm", CHAT, {"reasoning": "hm"}))
    body = REQUESTS["plain"](dialect)
    if dialect is MESSAGES:
        own = {"type": "thinking", "thinking": "mine", "signature": "abc"}
        foreign = {"type": "thinking", "thinking": "hm", "signature": word}
        body["messages"].append({"role": "assistant", "content": [foreign, own]})
        assert without_seals(body)["messages"][1]["content"] == [own]
    else:
        own = {"type": "reasoning", "id": "a", "summary": [], "encrypted_content": "abc"}
        foreign = {"type": "reasoning", "id": "b", "summary": [], "encrypted_content": word}
        body["input"] = [{"role": "user", "content": "hi"}, foreign, own]
        assert without_seals(body)["input"] == [{"role": "user", "content": "hi"}, own]
