"""Normalising model answers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from mini_agent.agent.answers import content_text, normalise
from mini_agent.agent.tool_values import parse_arguments
from mini_agent.agent.values import ModelAnswer
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.core.text import encodable
from support.agent_runs import PROPERTY, agent
from support.scripted_model import ScriptedModel, asks, completion, says
from support.scripted_tools import ScriptedTools


class _Function(BaseModel):
    name: str
    arguments: str


class _Call(BaseModel):
    id: str
    function: _Function


def test_dict_and_object_answers_become_the_same_message() -> None:
    """A completion or a message, as dict, namespace or SDK object, gives one and the same recorded message."""
    wanted = {
        "role": "assistant",
        "content": "hi",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    call = _Call(id="a", function=_Function(name="f", arguments="{}"))
    message = SimpleNamespace(role="assistant", content="hi", tool_calls=[call])
    shapes: list[Any] = [
        asks(("f", {}, "a"), content="hi"),
        completion(asks(("f", {}, "a"), content="hi")),
        message,
        SimpleNamespace(choices=[SimpleNamespace(message=message)]),
        ModelAnswer(completion(asks(("f", {}, "a"), content="hi"))),
    ]
    for shape in shapes:
        assert normalise(shape, ()).message == wanted


def test_the_models_own_objects_are_not_shared() -> None:
    """Changing the recorded message changes nothing of the model's answer."""
    answer = asks(("f", {"a": 1}, "a"))
    answer["tool_calls"][0]["extra"] = {"signature": "s"}
    recorded = normalise(answer, ()).message
    assert recorded["tool_calls"][0]["extra"] == {"signature": "s"}
    recorded["tool_calls"][0]["extra"]["signature"] = "changed"
    recorded["tool_calls"][0]["function"]["name"] = "changed"
    assert answer["tool_calls"][0]["extra"] == {"signature": "s"}
    assert answer["tool_calls"][0]["function"]["name"] == "f"


def test_missing_repeated_and_taken_ids_become_unique() -> None:
    """Each call has an id of its own, because its reply is found by it; a unique id stays as it is."""
    answer = asks(("f", {}, "a"), ("f", {}, "a"), ("f", {}, ""), ("f", {}, "old"), ("f", {}, "b"))
    calls = normalise(answer, {"old"}).calls
    assert [call.id for call in calls] == ["a", "a_2", "call_2", "old_2", "b"]


def test_arguments_keep_their_shape_for_the_tool_and_are_text_in_the_record() -> None:
    """A model that sends an object has it recorded as JSON text, and the tool gets what was sent."""
    answer = {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"function": {}}]}
    normalised = normalise(answer, ())
    assert [call.arguments for call in normalised.calls] == [{"x": 1}, {}]
    assert [call["function"]["arguments"] for call in normalised.message["tool_calls"]] == ['{"x": 1}', "{}"]


def test_null_content_without_calls_is_recorded_as_empty_text() -> None:
    """Providers refuse a null message without calls, so it is recorded as ""; with calls null stays."""
    assert normalise(says(None), ()).message == {"role": "assistant", "content": ""}
    assert normalise(asks(("f", {})), ()).message["content"] is None


@pytest.mark.parametrize(
    "answer", [None, {}, {"choices": []}, {"choices": [{}]}, {"choices": "x"}, {"content": "x", "tool_calls": "x"}]
)
def test_an_answer_without_a_message_is_an_invalid_provider_response(answer: object) -> None:
    """What holds no message ends the run with the provider's error, not with a guess."""
    with pytest.raises(InvalidProviderResponse):
        normalise(answer, ())


def test_text_of_content() -> None:
    """Strings and text parts are text, anything else is none."""
    assert content_text("a") == "a"
    assert content_text([{"type": "text", "text": "a"}, {"type": "image_url"}, "b"]) == "a\nb"
    assert content_text({"a": 1}) == ""
    assert content_text(None) == ""


def _halved(value: Any) -> Any:
    return json.loads(json.dumps(value).replace("CUT", "\\ud83d"))


def test_half_an_emoji_does_not_break_the_answer() -> None:
    """A lone surrogate from caller, model or tool is replaced, so that the result can be written as UTF-8."""
    call = asks(("t", '{"q": ["\\ud83d"], "\\ud83d": "CUT"}', "aCUT"), ("xCUT", {}, "b"), content="say CUT")
    tools = ScriptedTools(t=lambda _: '{"result": "\\ud83d", "stdout": "\\ud83d", "error": "\\ud83d"}')
    model = ScriptedModel(_halved(call), _halved(says([{"type": "text", "text": "fin CUT"}])))
    result = agent(model, tools, [_halved({"role": "user", "content": [{"text": "go CUT"}]})])
    body = json.dumps(result.response_body(), ensure_ascii=False).encode()
    assert "fin \ufffd" in body.decode()
    assert all(json.dumps(request.body(), ensure_ascii=False).encode() for request in model.requests)


@PROPERTY
@given(st.text(st.characters(categories=["Cs", "L", "So"]), max_size=20))
def test_any_text_becomes_encodable(text: str) -> None:
    """The result always encodes, text that does is untouched, and whole pairs become their character."""
    cleaned = encodable(text)
    cleaned.encode()
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert cleaned == text
    assert encodable("\ud83d\ude00") == "\U0001f600"


@pytest.mark.parametrize("raw", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1}}', "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_strict_json_is_no_argument_object(raw: str) -> None:
    """NaN and its like, broken and bottomless text are unreadable arguments, not values that fail later."""
    assert parse_arguments(raw) is None
