"""Rules of single features of a request, where two dialects say them differently or one of them cannot."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest

from mini_agent.core.errors import InvalidParameter, MissingParameter, UnsupportedParameter
from mini_agent.dialects import Dialect, translate_request
from mini_agent.dialects.sealed import MARK
from support.dialect_requests import PNG, REQUESTS

CHAT, MESSAGES, RESPONSES = Dialect
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def _chat(*messages: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **parameters}


def _messages(*content: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    turn = {"role": "user", "content": list(content) or "hi"}
    return {"model": "m", "max_tokens": 9, "messages": [turn], **parameters}


def _responses(*items: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "hi", **parameters}


def _sent(body: dict[str, Any], source: Dialect, target: Dialect) -> dict[str, Any]:
    return translate_request(body, source, target).body


def _refused(body: dict[str, Any], source: Dialect, target: Dialect) -> UnsupportedParameter:
    with pytest.raises(UnsupportedParameter) as caught:
        translate_request(body, source, target)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    ("body", "source", "param"),
    [
        ({"messages": [{"role": "user", "content": "hi"}]}, CHAT, "model"),
        ({"model": "m"}, CHAT, "messages"),
        ({"model": "m", "messages": []}, MESSAGES, "messages"),
        ({"model": "m", "input": ""}, RESPONSES, "input"),
        (_responses({"role": "user", "content": [{"type": "input_image"}]}), RESPONSES, "input"),
        (_chat({"role": "user", "content": [{"type": "file", "file": {}}]}), CHAT, "messages"),
        (_messages({"type": "tool_result", "content": "x"}), MESSAGES, "messages"),
    ],
)
def test_what_is_missing_is_named(body: dict[str, Any], source: Dialect, param: str) -> None:
    """A request without a part that its dialect demands is refused before anything is sent."""
    with pytest.raises(MissingParameter) as caught:
        translate_request(body, source, CHAT)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "source", "words"),
    [
        (_chat({"role": "robot", "content": "x"}), CHAT, r"messages\[0\].role"),
        (_chat({"role": "user", "content": [{"type": "text", "text": 1}]}), CHAT, r"messages\[0\].content\[0\].text"),
        (_chat(tool_choice="maybe"), CHAT, "tool_choice"),
        (_chat(response_format={"type": "xml"}), CHAT, "response_format.type"),
        (_messages({"type": "image", "source": "x"}), MESSAGES, r"messages\[0\].content\[0\].source"),
        (_messages(tool_choice={"type": "some"}), MESSAGES, "tool_choice.type"),
        (_messages(output_config={"format": {"type": "xml"}}), MESSAGES, "output_config.format.type"),
        (_responses({"type": "function_call", "call_id": "c", "name": 1}), RESPONSES, r"input\[0\].name"),
        (_responses({"role": "tool", "content": "x"}), RESPONSES, r"input\[0\].role"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(body: dict[str, Any], source: Dialect, words: str) -> None:
    """The caller reads which value is wrong, in its own words."""
    with pytest.raises(InvalidParameter, match=words):
        translate_request(body, source, source)


def test_messages_gets_the_limit_that_it_demands() -> None:
    """A caller without one gets 8192 tokens for the answer, beside those for thinking."""
    assert _sent(_chat(), CHAT, MESSAGES)["max_tokens"] == 8192
    thinking = {"type": "enabled", "budget_tokens": 2000}
    assert _sent(_chat(thinking=thinking), CHAT, MESSAGES)["max_tokens"] == 10_192
    assert _sent(_chat(max_tokens=5), CHAT, MESSAGES)["max_tokens"] == 5


@pytest.mark.parametrize(("stop", "sent"), [("END", ["END"]), (["a", "b"], ["a", "b"])])
def test_stop_sequences(stop: Any, sent: list[str]) -> None:
    """Chat's one or several are Anthropic's list; Responses has none, and refuses them by the caller's name."""
    assert _sent(_chat(stop=stop), CHAT, MESSAGES)["stop_sequences"] == sent
    assert _sent(_messages(stop_sequences=sent), MESSAGES, CHAT)["stop"] == sent
    assert _refused(_chat(stop=stop), CHAT, RESPONSES).param == "stop"
    assert _refused(_messages(stop_sequences=sent), MESSAGES, RESPONSES).param == "stop_sequences"


def test_any_json_object_is_refused_where_a_schema_is_demanded() -> None:
    """Anthropic has no JSON without a schema."""
    assert _refused(_chat(response_format={"type": "json_object"}), CHAT, MESSAGES).param == "response_format"
    body = _responses(text={"format": {"type": "json_object"}})
    assert _refused(body, RESPONSES, MESSAGES).param == "text"
    assert _sent(body, RESPONSES, CHAT)["response_format"] == {"type": "json_object"}


def test_marks_of_the_prompt_cache() -> None:
    """Anthropic's marks reach Anthropic from every dialect with their time; towards OpenAI's they are dropped by name.

    OpenAI's own breakpoints are such marks for Anthropic.
    """
    mark = {"type": "ephemeral", "ttl": "1h"}
    text = {"type": "text", "text": "long", "cache_control": mark}
    body = _chat({"role": "system", "content": [text]}, {"role": "user", "content": "hi"})
    assert _sent(body, CHAT, MESSAGES)["system"] == [text]
    whole = _chat({"role": "user", "content": "long", "cache_control": mark})
    assert _sent(whole, CHAT, MESSAGES)["messages"] == [{"role": "user", "content": [text]}]
    translated = translate_request(_messages(text), MESSAGES, RESPONSES)
    assert translated.dropped == ("cache_control",)
    assert translated.body["input"][0]["content"] == "long"
    part = {"type": "text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit"}}
    marked = _chat({"role": "user", "content": [part]})
    assert _sent(marked, CHAT, RESPONSES)["input"][0]["content"] == [{**part, "type": "input_text"}]
    anthropic = _sent(marked, CHAT, MESSAGES)["messages"][0]["content"]
    assert anthropic == [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}]
    tool = {"name": "look", "input_schema": {"type": "object"}, "cache_control": mark}
    assert translate_request(_messages(tools=[tool]), MESSAGES, CHAT).dropped == ("cache_control",)


def test_ids_of_calls_are_such_that_the_provider_takes_them() -> None:
    """A call and its result keep one id, and two calls two, whatever another provider has named them."""
    ids = ["functions.look:0", "functions:look.0", "x" * 70, "fine-1"]
    calls = [{"id": call_id, "type": "function", "function": {"name": "look", "arguments": "{}"}} for call_id in ids]
    results = [{"role": "tool", "tool_call_id": call_id, "content": "x"} for call_id in ids]
    user, said = {"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": calls}
    turns = _sent(_chat(user, said, *results), CHAT, MESSAGES)["messages"]
    written = [block["id"] for block in turns[1]["content"]]
    assert written == [block["tool_use_id"] for block in turns[2]["content"]]
    assert len(set(written)) == 4
    assert all(
        set(call_id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for call_id in written
    )
    assert written[3] == "fine-1"


@pytest.mark.parametrize(
    ("arguments", "sent"), [("", {}), ("null", {}), ("[1]", {"arguments": "[1]"}), ("{", {"arguments": "{"})]
)
def test_arguments_that_are_no_object_are_kept_as_text(arguments: str, sent: dict[str, Any]) -> None:
    """Anthropic demands an object; what a model wrote instead is still what it wrote."""
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": arguments}}
    body = _chat({"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]})
    assert _sent(body, CHAT, MESSAGES)["messages"][1]["content"][0]["input"] == sent


def test_numbers_in_arguments_stay_as_they_are() -> None:
    """A whole number beyond 64 bits, and one with a point, come through."""
    text = '{"big":123456789012345678901234567890,"point":1.0}'
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": text}}
    sent = _sent(_chat({"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}), CHAT, MESSAGES)
    assert json.dumps(sent["messages"][1]["content"][0]["input"], separators=(",", ":")) == text


def test_what_says_nothing_is_not_sent_to_anthropic() -> None:
    """Empty texts and messages are refused there, and clients send them."""
    body = _chat(
        {"role": "system", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "go"},
    )
    sent = _sent(body, CHAT, MESSAGES)
    assert "system" not in sent
    assert sent["messages"] == [{"role": "user", "content": "hi"}, {"role": "user", "content": "go"}]


def test_tools_that_a_provider_runs() -> None:
    """Beside the caller's own they are an offer, and are dropped by name; alone or demanded they are refused."""
    search = {"type": "web_search"}
    own = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}
    translated = translate_request(_responses(tools=[own, search]), RESPONSES, CHAT)
    assert translated.dropped == ("tools.web_search",)
    assert [tool["function"]["name"] for tool in translated.body["tools"]] == ["look"]
    assert translated.body["tools"][0]["function"]["strict"] is True
    assert _refused(_responses(tools=[search]), RESPONSES, MESSAGES).param == "tools"
    forced = _responses(tools=[own, search], tool_choice={"type": "web_search_preview"})
    assert _refused(forced, RESPONSES, CHAT).param == "tool_choice"
    server = {"type": "web_search_20250305", "name": "web_search"}
    assert _refused(_messages(tools=[server]), MESSAGES, CHAT).param == "tools"
    assert _sent(_responses(tools=[own, search]), RESPONSES, RESPONSES)["tools"] == [own, search]


def test_a_choice_among_some_tools() -> None:
    """Both of OpenAI's dialects can name those allowed; Anthropic is shown no others."""
    other = {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}
    named = [{"type": "function", "function": {"name": "look"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": named}}
    body = _chat(tools=[TOOL, other], tool_choice=choice)
    assert _sent(body, CHAT, CHAT)["tool_choice"] == choice
    flat = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}
    assert _sent(body, CHAT, RESPONSES)["tool_choice"] == flat
    assert (
        _sent(_responses(tools=_sent(body, CHAT, RESPONSES)["tools"], tool_choice=flat), RESPONSES, CHAT)["tool_choice"]
        == choice
    )
    sent = _sent(body, CHAT, MESSAGES)
    assert [tool["name"] for tool in sent["tools"]] == ["look"]
    assert sent["tool_choice"] == {"type": "any"}


def test_custom_tools() -> None:
    """OpenAI's two dialects have them, grammar, calls and results included; Anthropic's has none and refuses."""
    grammar = {"definition": "start: /a+/", "syntax": "lark"}
    tool = {"type": "custom", "custom": {"name": "patch", "format": {"type": "grammar", "grammar": grammar}}}
    call = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "*** free text"}}
    body = _chat({"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call]}, tools=[tool])
    sent = _sent(body, CHAT, RESPONSES)
    assert sent["tools"] == [{"type": "custom", "name": "patch", "format": {"type": "grammar", **grammar}}]
    assert sent["input"][1] == {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** free text"}
    back = _sent(
        {**sent, "input": [*sent["input"], {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}]},
        RESPONSES,
        CHAT,
    )
    assert back["tools"] == [tool]
    assert back["messages"][1]["tool_calls"] == [call]
    assert back["messages"][2] == {"role": "tool", "tool_call_id": "c", "content": "ok"}
    assert _refused(_chat(tools=[tool]), CHAT, MESSAGES).param == "tools"
    assert _refused(body | {"tools": []}, CHAT, MESSAGES).param == "messages"


def test_results_with_errors_and_images() -> None:
    """Chat has no sign of failure and no image in a result: the text says so, the image follows in a user's message."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    failed = {"type": "tool_result", "tool_use_id": "c1", "content": "no such file", "is_error": True}
    told = {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "a map"}, image]}
    already = {"type": "tool_result", "tool_use_id": "c3", "content": "Error: gone", "is_error": True}
    body = _messages({"type": "text", "text": "so?"}, failed, told, already)
    turns = _sent(body, MESSAGES, CHAT)["messages"]
    assert [turn["role"] for turn in turns] == ["tool", "tool", "tool", "user", "user"]
    assert [turn["content"] for turn in turns[:3]] == ["error: no such file", "a map", "Error: gone"]
    assert turns[3]["content"][1] == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    assert turns[4]["content"] == "so?"
    items = _sent(body, MESSAGES, RESPONSES)["input"]
    assert items[0]["output"] == "error: no such file"
    assert [part["type"] for part in items[1]["output"]] == ["input_text", "input_image"]
    back = _sent(body, MESSAGES, MESSAGES)["messages"][0]["content"]
    assert back == [failed, told, already, {"type": "text", "text": "so?"}]


def test_documents_that_only_some_can_take() -> None:
    """Plain text becomes text; an address or an id of a file is refused where it means nothing."""
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "lörem"}, "title": "T"}
    assert _sent(_messages(text), MESSAGES, CHAT)["messages"][0]["content"] == "T\n\nlörem"
    assert _sent(_messages(text), MESSAGES, RESPONSES)["input"][0]["content"] == "T\n\nlörem"
    address = {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}
    assert _refused(_messages(address), MESSAGES, CHAT).param == "messages"
    sent = _sent(_messages(address), MESSAGES, RESPONSES)["input"][0]["content"]
    assert sent == [{"type": "input_file", "file_url": "https://example.org/a.pdf"}]
    kept = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    assert _refused(_messages(kept), MESSAGES, RESPONSES).param == "messages"
    plain = {
        "type": "file",
        "file": {"file_data": f"data:text/plain;base64,{b64encode(b'hello').decode()}", "filename": "a.txt"},
    }
    block = _sent(_chat({"role": "user", "content": [plain]}), CHAT, MESSAGES)["messages"][0]["content"][0]
    assert block == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "hello"},
        "title": "a.txt",
    }
    sheet = {"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}}
    assert _refused(_chat({"role": "user", "content": [sheet]}), CHAT, MESSAGES).param == "messages"


AUDIO = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
OLDER = {"function_call": {"name": "f", "arguments": ""}}
FOUND = {"type": "search_result", "source": "s", "title": "t", "content": []}
KEPT_IMAGE = {"type": "image", "source": {"type": "file", "file_id": "f"}}
REFERENCE = {"type": "item_reference", "id": "msg_1"}
COMPACTED = {"type": "compaction", "encrypted_content": "x"}


@pytest.mark.parametrize(
    ("body", "source", "part"),
    [
        (_chat({"role": "user", "content": [AUDIO]}), CHAT, AUDIO),
        (_chat({"role": "user", "content": "x"}, {"role": "assistant", **OLDER}), CHAT, OLDER["function_call"]),
        (_messages(FOUND), MESSAGES, FOUND),
        (_messages(KEPT_IMAGE), MESSAGES, KEPT_IMAGE),
        (_responses(REFERENCE), RESPONSES, REFERENCE),
        (_responses(COMPACTED), RESPONSES, COMPACTED),
    ],
    ids=["audio", "function_call", "search_result", "file-id", "item_reference", "compaction"],
)
@pytest.mark.parametrize("target", Dialect)
def test_parts_that_only_one_dialect_has(body: dict[str, Any], source: Dialect, part: Any, target: Dialect) -> None:
    """They reach a provider of that dialect as they are; another is never sent a conversation with a hole."""
    if target is source:
        assert json.dumps(part) in json.dumps(_sent(body, source, target))
    else:
        assert _refused(body, source, target).param == ("input" if source is RESPONSES else "messages")


def test_how_much_is_thought() -> None:
    """OpenAI's effort is adaptive thinking of that effort; `none` is none; a forced call excludes thinking."""
    sent = _sent(_chat(reasoning_effort="minimal"), CHAT, MESSAGES)
    assert (sent["thinking"], sent["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})
    sent = _sent(_responses(reasoning={"effort": "high", "summary": "auto"}), RESPONSES, MESSAGES)
    assert sent["thinking"] == {"type": "adaptive", "display": "summarized"}
    sent = _sent(_chat(reasoning_effort="none"), CHAT, MESSAGES)
    assert sent["thinking"] == {"type": "disabled"}
    assert "output_config" not in sent
    assert "thinking" not in _sent(_chat(reasoning_effort="low", tools=[TOOL], tool_choice="required"), CHAT, MESSAGES)
    own = {"type": "enabled", "budget_tokens": 1024}
    assert _sent(_chat(thinking=own), CHAT, MESSAGES)["thinking"] == own
    translated = translate_request(_messages(thinking=own), MESSAGES, RESPONSES)
    assert translated.dropped == ("thinking",)
    assert "reasoning" not in translated.body


def test_ids_of_end_users() -> None:
    """One field in Anthropic's dialect, two in OpenAI's; an id that OpenAI finds too long is dropped, and named."""
    assert _sent(_chat(safety_identifier="s"), CHAT, MESSAGES)["metadata"] == {"user_id": "s"}
    assert _sent(_chat(safety_identifier="s", user="u"), CHAT, MESSAGES)["metadata"] == {"user_id": "u"}
    assert _sent(_chat(safety_identifier="s", user="u"), CHAT, RESPONSES)["safety_identifier"] == "s"
    translated = translate_request(_messages(metadata={"user_id": "x" * 65}), MESSAGES, CHAT)
    assert translated.dropped == ("metadata.user_id",)
    assert "user" not in translated.body


def test_nothing_is_kept_by_a_provider_that_nobody_asked_to_keep_it() -> None:
    """Responses keeps answers unless told not to; callers of the other dialects never asked for that."""
    assert _sent(_chat(), CHAT, RESPONSES)["store"] is False
    assert _sent(_messages(), MESSAGES, RESPONSES)["store"] is False
    assert _sent(_chat(store=True), CHAT, RESPONSES)["store"] is True
    assert "store" not in _sent(_responses(), RESPONSES, RESPONSES)


def test_thoughts_are_asked_for_in_a_form_that_can_come_back() -> None:
    """Only where somebody speaks of thinking: a model that does not think refuses the wish."""
    encrypted = ["reasoning.encrypted_content"]
    assert _sent(_chat(reasoning_effort="low"), CHAT, RESPONSES)["include"] == encrypted
    assert "include" not in _sent(_chat(), CHAT, RESPONSES)
    assert translate_request(_responses(include=encrypted), RESPONSES, CHAT).dropped == ()


def test_log_probabilities() -> None:
    """Chat and Responses have them, Anthropic refuses them by the caller's name."""
    sent = _sent(_chat(logprobs=True, top_logprobs=2), CHAT, RESPONSES)
    assert (sent["include"], sent["top_logprobs"]) == (["message.output_text.logprobs"], 2)
    back = _sent(sent, RESPONSES, CHAT)
    assert (back["logprobs"], back["top_logprobs"]) == (True, 2)
    assert _refused(_chat(logprobs=True), CHAT, MESSAGES).param == "logprobs"
    assert _refused(_responses(include=["message.output_text.logprobs"]), RESPONSES, MESSAGES).param == "include"


def test_usage_is_always_asked_of_a_chat_provider_by_those_whose_streams_report_it() -> None:
    """Without the wish a chat stream has no usage, and Messages and Responses always have."""
    assert _sent(_messages(stream=True), MESSAGES, CHAT)["stream_options"] == {"include_usage": True}
    assert _sent(_responses(stream=True), RESPONSES, CHAT)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in _sent(_chat(stream=True), CHAT, CHAT)


def test_instructions_of_developers() -> None:
    """OpenAI takes `developer` for `system`, other servers of chat know the latter only; Anthropic has no other."""
    body = _responses({"role": "user", "content": "hi"}, {"role": "developer", "content": "rhyme"})
    assert _sent(body, RESPONSES, CHAT)["messages"][1] == {"role": "system", "content": "rhyme"}
    assert _sent(body, RESPONSES, MESSAGES)["messages"][1] == {"role": "system", "content": "rhyme"}
    chat = _chat({"role": "developer", "content": "rhyme"}, {"role": "user", "content": "hi"})
    assert _sent(chat, CHAT, RESPONSES)["input"][0]["role"] == "developer"
    assert _sent(chat, CHAT, MESSAGES)["system"] == "rhyme"


def test_a_thought_of_another_provider_is_dropped_by_name() -> None:
    """A conversation may move to another provider; what the first one signed means nothing to the second."""
    thinking = {"type": "thinking", "thinking": "hm", "signature": "abc"}
    body = _messages()
    body["messages"].append({"role": "assistant", "content": [thinking, {"type": "text", "text": "x"}]})
    for target in (CHAT, RESPONSES):
        translated = translate_request(body, MESSAGES, target)
        assert translated.dropped == ("reasoning",)
        assert "hm" not in json.dumps(translated.body)


def _sealed(origin: str, members: Any) -> str:
    return f"{MARK}{origin}.{urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip('=')}"


@pytest.mark.parametrize(
    ("word", "target"),
    [
        (_sealed("openai_responses", {"type": "mcp_approval_response", "approve": True}), RESPONSES),
        (_sealed("openai_responses", {"type": "item_reference", "id": "msg_of_somebody"}), RESPONSES),
        (_sealed("openai_responses", {"type": ["reasoning"]}), RESPONSES),
        (_sealed("anthropic_messages", {"type": "tool_use", "id": "x"}), MESSAGES),
        (_sealed("openai_chat", {"role": "system"}), CHAT),
        (_sealed("openai_chat", {}), CHAT),
        (_sealed("openai_chat", ["reasoning"]), CHAT),
        (_sealed("nobody", {"type": "thinking"}), CHAT),
        (f"{MARK}openai_chat.\u00e9\u00e9", CHAT),
        (MARK, MESSAGES),
    ],
)
def test_a_forged_seal_becomes_nothing(word: str, target: Dialect) -> None:
    """What a caller sends back as a thought is a thought or nothing: no item, block or member of another kind."""
    said = {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": word}]}
    source = MESSAGES
    if target is MESSAGES:
        source = RESPONSES
        body = _responses(
            {"role": "user", "content": "hi"},
            {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": word},
        )
    else:
        body = _messages()
        body["messages"].append(said)
    translated = translate_request(body, source, target)
    assert translated.dropped == ("reasoning",)
    texts = json.dumps(translated.body)
    assert not any(trace in texts for trace in ("mcp_approval", "item_reference", "tool_use", MARK))


@pytest.mark.parametrize(
    ("body", "source", "lost"),
    [
        (_chat({"role": "user", "name": "anna", "content": "hi"}), CHAT, {"messages.name"}),
        (
            _messages({"type": "text", "text": "x", "citations": [{"type": "char_location"}]}),
            MESSAGES,
            {"messages.citations"},
        ),
        (
            _messages(tools=[{"name": "look", "input_schema": {"type": "object"}, "defer_loading": True}]),
            MESSAGES,
            {"tools.defer_loading"},
        ),
        (
            _messages({"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "x", "x": 1}]}),
            MESSAGES,
            {"messages.x"},
        ),
        (_responses({"role": "assistant", "content": "x", "phase": "commentary"}), RESPONSES, {"input.phase"}),
        (
            _responses({"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "namespace": "n"}),
            RESPONSES,
            {"input.namespace"},
        ),
    ],
)
def test_a_member_that_another_dialect_cannot_say_is_dropped_by_name(
    body: dict[str, Any], source: Dialect, lost: set[str]
) -> None:
    """Nothing that a caller wrote is lost without a word, wherever it stands."""
    for target in set(Dialect) - {source}:
        assert set(translate_request(body, source, target).dropped) == lost


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("topic", sorted(REQUESTS))
def test_a_body_for_its_own_dialect_says_what_it_said(dialect: Dialect, topic: str) -> None:
    """Read and written again it is read the same, so that whoever must look into it loses nothing."""
    body = REQUESTS[topic](dialect)
    first = translate_request(body, dialect, dialect)
    again = translate_request(first.body, dialect, dialect)
    assert again.body == first.body
    assert again.request == first.request
    assert first.dropped == ()
