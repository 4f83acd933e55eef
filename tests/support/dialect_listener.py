"""A strict client of each dialect: it takes an answer or a stream only in the protocol's own form and order.

Written from the protocols' documentation, not from the gateway's code, so that the two can disagree.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.protocols import violations

CHAT, MESSAGES, RESPONSES = "openai_chat", "anthropic_messages", "openai_responses"
_STOPS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}


@dataclass(frozen=True)
class Heard:
    """What a client understands. usage: tokens read in all, written, read from the cache, written to it, thought."""

    text: str
    thought: str
    calls: tuple[tuple[str, str, Any], ...]
    finish: str
    usage: tuple[int, int, int, int, int] | None
    sequence: str | None = None


def hear(dialect: str, body: dict[str, Any]) -> Heard:
    """Return what a whole answer says. Raises: AssertionError when it is not of the protocol."""
    assert violations(dialect, "answer", body) == []
    return {CHAT: _hear_chat, MESSAGES: _hear_messages, RESPONSES: _hear_responses}[dialect](body)


def listen(dialect: str, raw: bytes) -> Heard:
    """Return what a stream says. Raises: AssertionError when an event, or their order, is not of the protocol."""
    events = server_events(dialect, raw)
    for event in events:
        if event["type" if dialect != CHAT else "object"] != "ping":
            assert violations(dialect, "event", event) == [], event
    return {CHAT: _listen_chat, MESSAGES: _listen_messages, RESPONSES: _listen_responses}[dialect](events)


def server_events(dialect: str, raw: bytes) -> list[dict[str, Any]]:
    """Return the data of each server-sent event; chat must end with `[DONE]`. Comments are passed over."""
    assert raw.endswith(b"\n\n")
    events = []
    blocks = [block for block in raw.decode().split("\n\n") if block and not block.startswith(":")]
    if dialect == CHAT:
        assert blocks.pop() == "data: [DONE]"
    for block in blocks:
        *names, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert names == ([] if dialect == CHAT else [f"event: {event['type']}"])
        events.append(event)
    return events


def _hear_chat(body: dict[str, Any]) -> Heard:
    choice = body["choices"][0]
    message = choice["message"]
    calls = tuple(
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", ())
    )
    thought = message.get("reasoning_content", "")
    return Heard(message["content"] or "", thought, calls, choice["finish_reason"], _chat_usage(body["usage"]))


def _chat_usage(usage: dict[str, Any]) -> tuple[int, int, int, int, int]:
    read, written = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    cached = (read["cached_tokens"], read["cache_write_tokens"])
    return usage["prompt_tokens"], usage["completion_tokens"], *cached, written["reasoning_tokens"]


def _hear_messages(body: dict[str, Any]) -> Heard:
    text = thought = ""
    calls = []
    for block in body["content"]:
        match block["type"]:
            case "text":
                text += block["text"]
            case "thinking":
                thought += block["thinking"]
            case "tool_use":
                calls.append((block["id"], block["name"], block["input"]))
    stop = body["stop_reason"]
    return Heard(
        text, thought, tuple(calls), _STOPS.get(stop, stop), _messages_usage(body["usage"]), body["stop_sequence"]
    )


def _messages_usage(usage: dict[str, Any]) -> tuple[int, int, int, int, int]:
    cached, kept = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    return usage["input_tokens"] + cached + kept, usage["output_tokens"], cached, kept, thought


def _hear_responses(body: dict[str, Any]) -> Heard:
    text = thought = ""
    calls = []
    for item in body["output"]:
        match item["type"]:
            case "message":
                text += "".join(part.get("text", "") for part in item["content"])
            case "reasoning":
                thought += "".join(part["text"] for part in item["summary"])
            case "function_call":
                calls.append((item["call_id"], item["name"], json.loads(item["arguments"])))
    ids = [item["id"] for item in body["output"]]
    assert len(set(ids)) == len(ids)
    finish = "tool_calls" if calls else "stop"
    if body["status"] == "incomplete":
        reason = body["incomplete_details"]["reason"]
        finish = {"max_output_tokens": "length", "content_filter": "content_filter"}[reason]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    read, written = usage["input_tokens_details"], usage["output_tokens_details"]
    cached = (read["cached_tokens"], read["cache_write_tokens"])
    counts = (usage["input_tokens"], usage["output_tokens"], *cached, written["reasoning_tokens"])
    return Heard(text, thought, tuple(calls), finish, counts)


def _listen_chat(events: list[dict[str, Any]]) -> Heard:
    assert len({event["id"] for event in events}) == 1
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    usage = _chat_usage(events.pop()["usage"]) if not events[-1]["choices"] else None
    finish = events[-1]["choices"][0]["finish_reason"]
    text = thought = ""
    calls: dict[int, list[str]] = {}
    for event in events:
        (choice,) = event["choices"]
        assert (choice["finish_reason"] is not None) == (event is events[-1])
        delta = choice["delta"]
        text += delta.get("content") or ""
        thought += delta.get("reasoning_content") or ""
        for piece in delta.get("tool_calls", ()):
            if "id" in piece:
                assert piece["index"] == len(calls)
                calls[piece["index"]] = [piece["id"], piece["function"]["name"], ""]
            calls[piece["index"]][2] += piece["function"]["arguments"]
    read = tuple((call_id, name, json.loads(arguments or "{}")) for call_id, name, arguments in calls.values())
    return Heard(text, thought, read, finish, usage)


def _listen_messages(events: list[dict[str, Any]]) -> Heard:
    assert [event["type"] for event in (events[0], *events[-2:])] == ["message_start", "message_delta", "message_stop"]
    message = {**events[0]["message"], "content": []}
    assert message["content"] == []
    opened: dict[int, dict[str, Any]] = {}
    for event in events[1:-2]:
        match event["type"]:
            case "content_block_start":
                # Only calls may be told of at once.
                assert {block["type"] for block in opened.values()} <= {"tool_use"}
                assert event["index"] == len(message["content"])
                opened[event["index"]] = {**event["content_block"], "json": ""}
                message["content"].append(opened[event["index"]])
            case "content_block_delta":
                _add_delta(opened[event["index"]], event["delta"])
            case "content_block_stop":
                block = opened.pop(event["index"])
                arguments = block.pop("json")
                if block["type"] == "tool_use":
                    block["input"] = json.loads(arguments or "{}")
            case other:
                assert other == "ping"
    assert opened == {}
    message |= events[-2]["delta"]
    message["usage"] |= events[-2]["usage"]
    return hear(MESSAGES, message)


def _add_delta(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kinds = {
        "text_delta": ("text", "text", "text"),
        "thinking_delta": ("thinking", "thinking", "thinking"),
        "signature_delta": ("thinking", "signature", "signature"),
        "input_json_delta": ("tool_use", "partial_json", "json"),
    }
    kind, source, target = kinds[delta["type"]]
    assert block["type"] == kind
    block[target] += delta[source]


def _listen_responses(events: list[dict[str, Any]]) -> Heard:
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[0]["response"]["output"] == []
    last = events[-1]
    assert last["type"] == f"response.{last['response']['status']}"
    done: dict[int, dict[str, Any]] = {}
    opened: dict[int, tuple[dict[str, Any], list[str]]] = {}
    for event in events[2:-1]:
        kind, index = event["type"], event["output_index"]
        if kind == "response.output_item.added":
            # Only calls may be told of at once.
            assert {item["type"] for item, _ in opened.values()} <= {"function_call"}
            assert index == len(done) + len(opened)
            opened[index] = event["item"], []
            assert event["item"].get("status", "in_progress") == "in_progress"
        elif kind == "response.output_item.done":
            item, _ = opened.pop(index)
            assert event["item"]["id"] == item["id"]
            done[index] = event["item"]
        else:
            item, texts = opened[index]
            assert event["item_id"] == item["id"]
            if kind.endswith(".delta"):
                texts.append(event["delta"])
            elif kind.endswith(("_arguments.done", "_text.done")):
                whole = event.get("text", event.get("arguments"))
                assert whole == "".join(texts) or (whole == "{}" and not texts)
    assert opened == {}
    assert last["response"]["output"] == [done[index] for index in sorted(done)]
    return hear(RESPONSES, last["response"])
