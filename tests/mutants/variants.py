"""Healthy gateways that differ in ways that are allowed: a check that finds fault with one is wrong."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from mutants.change import choice_of, edit, in_events, kind_of, renumbered
from mutants.healthy import SPOKEN, Exchange, Response
from mutants.mutant import KEY, RefusedError, Seams, Sent, Thought, Variant
from mutants.speaking import refusal_of

CHAT, MESSAGES, RESPONSES, MCP = ("chat",), ("messages",), ("responses",), ("mcp",)


def _more(value: Any) -> Any:
    """Return a value with members that nobody has asked for, as every provider has some."""
    if isinstance(value, dict) and "object" in value | {"type": 1}:
        return {**value, "x_provider": {"region": "eu", "took_ms": 12.5}, "service_tier": None}
    return value


def _reversed(value: Any) -> Any:
    """Return a value in which the members of every object stand the other way round."""
    if isinstance(value, dict):
        return {name: _reversed(one) for name, one in reversed(value.items())}
    return [_reversed(one) for one in value] if isinstance(value, list) else value


def _everywhere(change: Callable[[Any], Any]) -> Seams:
    """Change answers and events alike."""
    return Seams(
        body=lambda body, _x: change(body),
        events=lambda events, _x: [e if isinstance(e.data, str) else Sent(change(e.data), e.name) for e in events],
    )


def _rewritten(change: Callable[[bytes], bytes]) -> Seams:
    """Write bodies otherwise, byte by byte."""

    def seam(response: Response, _x: Exchange) -> Response:
        if response.body and response.events is None:
            response.body = change(response.body)
        return response

    return Seams(response=seam)


def _headers(**headers: str) -> Seams:
    added = {name.replace("_", "-"): value for name, value in headers.items()}

    def seam(response: Response, _x: Exchange) -> Response:
        response.headers = {**added, **response.headers}
        return response

    return Seams(response=seam)


def _kind(kind: str) -> Seams:
    def seam(response: Response, _x: Exchange) -> Response:
        if response.events is None and "content-type" in response.headers:
            response.headers["content-type"] = kind
        return response

    return Seams(response=seam)


def _refused(change: Callable[[RefusedError, Exchange], RefusedError]) -> Seams:
    return Seams(refused=lambda refusal, x: None if refusal is None else change(refusal, x))


def _status(old: int, new: int) -> Seams:
    """Refuse with another status of the same meaning."""
    return _refused(lambda r, _x: RefusedError(new, r.kind, r.message) if r.status == old else r)


def _detailed(refusal: RefusedError, _x: Exchange) -> RefusedError:
    return RefusedError(refusal.status, refusal.kind, f"Error code {refusal.status} - {refusal.message} (see /docs).")


def _busy(response: Response, x: Exchange) -> Response:
    """Now and then there is too much to do, and who comes again at once is answered."""
    if x.number % 5 or not x.dialect:
        return response
    refused = Response.of(refusal_of(x.dialect, "rate_limit_error", "slow down"), 429)
    refused.headers |= {"retry-after": "1", "retry-after-ms": "5"}
    return refused


# Answers


def _ids(thought: Thought, x: Exchange) -> Thought:
    """Calls have ids of another form."""
    return thought.but(calls=tuple((f"toolu_{uuid.UUID(int=x.number * 99 + n).hex}", *c[1:])
                                   for n, c in enumerate(thought.calls)))  # fmt: skip


def _thinking(body: Any, x: Exchange) -> Any:
    """A model that thinks first says so in the way of each dialect."""
    if x.dialect == "messages":
        block = {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"}
        return {**body, "content": [block, *body["content"]]}
    if x.dialect == "responses":
        item = {"id": "rs_1", "type": "reasoning", "summary": [], "status": "completed"}
        return {**body, "output": [item, *body["output"]]}
    if x.dialect == "chat":
        return edit(lambda m: {**m, "reasoning_content": "Let me see."}, "choices.0.message").body(body, x)
    return body


def _thinks(events: list[Sent], x: Exchange) -> list[Sent]:
    if x.dialect == "messages":
        return _thinks_in_messages(events)
    if x.dialect == "responses":
        return _thinks_in_responses(events)
    first = events[0].data
    delta = {"reasoning_content": "Let me see."}
    thought = Sent({**first, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    return [events[0], thought, *events[1:]]


def _thinks_in_messages(events: list[Sent]) -> list[Sent]:
    later = in_events(lambda index: index + 1, "index").events(events[1:], Exchange(0, "", "", {}, b""))
    block = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [{"type": "thinking_delta", "thinking": "Let me see."}, {"type": "signature_delta", "signature": "c2ln"}]
    thought = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
    ]
    return [events[0], *(Sent(event, event["type"]) for event in thought), *later]


def _thinks_in_responses(events: list[Sent]) -> list[Sent]:
    exchange = Exchange(0, "", "", {}, b"")
    later = in_events(lambda index: index + 1, "output_index").events(events[2:], exchange)
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "status": "completed"}
    at = {"output_index": 0, "item_id": "rs_1"}
    added = {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}}
    piece = {"type": "response.reasoning_text.delta", **at, "content_index": 0, "delta": "Let me see."}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    last = in_events(lambda output: [item, *output], "response.output").events(later[-1:], exchange)
    thought = [Sent({**event, "sequence_number": 0}, str(event["type"])) for event in (added, piece, done)]
    return renumbered([*events[:2], *thought, *later[:-1], *last])


def _null_content(delta: Any) -> Any:
    return {**delta, "content": None} if "role" in delta else delta


# Streams


def _framed(change: Callable[[bytes], bytes]) -> Seams:
    return Seams(frame=lambda frame, _x: change(frame))


def _role_everywhere(delta: Any) -> Any:
    return {"role": "assistant", **delta} if delta.get("content") else delta


def _without_roles(events: list[Sent], x: Exchange) -> list[Sent]:
    return in_events(_role_everywhere, "choices.0.delta").events(events, x)


def _with_empty(events: list[Sent], _x: Exchange) -> list[Sent]:
    """A chunk with an empty text stands before each."""
    return [
        e
        for one in events
        for e in (
            [Sent({**one.data, "choices": [{**choice_of(one), "delta": {"content": ""}}]}), one]
            if choice_of(one).get("delta", {}).get("content")
            else [one]
        )
    ]


def _fewer_pieces(events: list[Sent], _x: Exchange) -> list[Sent]:
    """Two pieces of text come as one event, in chat."""
    out: list[Sent] = []
    for event in events:
        text = choice_of(event).get("delta", {}).get("content")
        before = choice_of(out[-1]).get("delta", {}).get("content") if out else None
        if text and before and len(out) % 2:
            delta = {"content": before + text}
            out[-1] = Sent({**event.data, "choices": [{**choice_of(event), "delta": delta}]})
        else:
            out.append(event)
    return out


def _reason_with_text(events: list[Sent], _x: Exchange) -> list[Sent]:
    """The last piece of text and the reason of the end are one chunk."""
    at = next((n for n, e in enumerate(events) if choice_of(e).get("finish_reason")), 0)
    text = choice_of(events[at - 1]).get("delta", {}).get("content") if at else None
    if not text:
        return events
    whole = {**choice_of(events[at]), "delta": {"content": text}}
    return [*events[: at - 1], Sent({**events[at].data, "choices": [whole]}), *events[at + 1 :]]


def _empty_after_reason(events: list[Sent], _x: Exchange) -> list[Sent]:
    """A last empty delta after the one with the reason."""
    empty = {"index": 0, "delta": {}, "finish_reason": None}
    return [
        e
        for one in events
        for e in ([one, Sent({**one.data, "choices": [empty]})] if choice_of(one).get("finish_reason") else [one])
    ]


def _pings(events: list[Sent], _x: Exchange) -> list[Sent]:
    ping = Sent({"type": "ping"}, "ping")
    return [events[0], *(e for one in events[1:-1] for e in (one, ping)), events[-1]]


def _whole_arguments(events: list[Sent], _x: Exchange) -> list[Sent]:
    """The arguments of a call come in one piece, as Ollama sends them."""
    out: list[Sent] = []
    for event in events:
        calls = choice_of(event).get("delta", {}).get("tool_calls")
        if not calls or calls[0].get("id"):
            out.append(event)
            continue
        before = choice_of(out[-1])["delta"]["tool_calls"][0]
        function = {**before["function"]}
        function["arguments"] += calls[0]["function"]["arguments"]
        delta = {"tool_calls": [{**before, "function": function}]}
        out[-1] = Sent({**event.data, "choices": [{**choice_of(event), "delta": delta}]})
    return out


def _nameless(events: list[Sent], _x: Exchange) -> list[Sent]:
    """Events of Responses need no name: their data has the type."""
    return [Sent(event.data) for event in events]


def _obfuscated(events: list[Sent], _x: Exchange) -> list[Sent]:
    return [Sent({**e.data, "obfuscation": "aK3"}, e.name) if kind_of(e).endswith(".delta") else e for e in events]


def _details(usage: Any) -> Any:
    if not usage:
        return usage
    name = "prompt_tokens_details" if "prompt_tokens" in usage else "input_tokens_details"
    return {**usage, name: {"cached_tokens": 0}, "cache_read_input_tokens": 0}


def _as_event(response: Response, x: Exchange) -> Response:
    """A server of the Model Context Protocol may answer by a stream of one event."""
    if x.dialect != "mcp" or response.status != 200:
        return response
    headers = {**response.headers, "content-type": "text/event-stream"}
    return Response(200, headers, events=[Sent(response.body.decode(), "message")])


def _failed_tool(body: Any, _x: Exchange) -> Any:
    """A tool that is not there may be told as a result with an error."""
    if body.get("error", {}).get("code") != -32602:
        return body
    content = [{"type": "text", "text": "unknown tool"}]
    return {"jsonrpc": "2.0", "id": body["id"], "result": {"content": content, "isError": True}}


VARIANTS = (
    Variant("as it is"),
    Variant("a key is demanded", Seams(key=KEY)),
    Variant("members that nobody asked for", _everywhere(_more)),
    Variant("members in another order", _everywhere(_reversed)),
    Variant("JSON with blanks and lines", _rewritten(lambda raw: json.dumps(json.loads(raw), indent=2).encode())),
    Variant("JSON without blanks", _rewritten(lambda raw: json.dumps(json.loads(raw), separators=(",", ":")).encode())),
    Variant("JSON that says its charset", _kind("application/json; charset=utf-8")),
    Variant("headers of its own", _headers(x_request_id="r-1", openai_processing_ms="12", vary="Accept", server="x")),
    Variant("422 for a bad request", _status(400, 422), (*SPOKEN, "embeddings", "mcp")),
    Variant("400 for a model that is not there", _refused(
        lambda r, x: RefusedError(400, r.kind, r.message) if x.dialect and r.status == 404 else r)),
    Variant("403 for a wrong key", Seams(key=KEY, refused=_status(401, 403).refused)),
    Variant("other words in refusals", _refused(_detailed)),
    Variant("now and then a limit, with advice", Seams(response=_busy), SPOKEN),
    Variant("ids of calls of another form", Seams(thought=_ids), SPOKEN),
    Variant("thinks before it answers", Seams(body=_thinking, events=_thinks), SPOKEN),
    Variant("usage with details", Seams(
        body=edit(_details, "usage").body, events=in_events(_details, "usage", "response.usage").events), SPOKEN),
    Variant("slower", Seams(pace=0.004), SPOKEN),
    Variant("comments between the events", _framed(lambda frame: b": keep-alive\n\n" + frame), SPOKEN),
    Variant("lines end with CR and LF", _framed(lambda frame: frame.replace(b"\n", b"\r\n")), SPOKEN),
    Variant("no blank after `data:`", _framed(
        lambda frame: frame.replace(b"data: ", b"data:").replace(b"event: ", b"event:")), SPOKEN),
    Variant("events with ids and a time to come again", _framed(lambda frame: b"id: 7\nretry: 3000\n" + frame), SPOKEN),
    Variant("data before its name", _framed(
        lambda f: b"\n".join([*reversed(f.rstrip(b"\n").split(b"\n")), b"", b""])), SPOKEN),
    Variant("role in every delta", Seams(events=_without_roles), CHAT),
    Variant("`finish_reason` stands in the last chunk alone",
            in_events(lambda choice: {name: one for name, one in choice.items() if name != "finish_reason" or one},
                      "choices.0"), CHAT),
    Variant("empty delta after the reason", Seams(events=_empty_after_reason), CHAT),
    Variant("first content is null", in_events(_null_content, "choices.0.delta"), CHAT),
    Variant("empty deltas between the others", Seams(events=_with_empty), CHAT),
    Variant("larger pieces", Seams(events=_fewer_pieces), CHAT),
    Variant("reason with the last text", Seams(events=_reason_with_text), CHAT),
    Variant("arguments in one piece", Seams(events=_whole_arguments), CHAT),
    Variant("refusal and annotations beside the content", edit(
        lambda m: {**m, "refusal": None, "annotations": []}, "choices.0.message"), CHAT),
    Variant("pings everywhere", Seams(events=_pings), MESSAGES),
    Variant("events of Responses without names", Seams(events=_nameless), RESPONSES),
    Variant("padding in the deltas", Seams(events=_obfuscated), RESPONSES),
    Variant("seconds with a fraction", edit(lambda at: at + 0.5, "created_at"), RESPONSES),
    Variant("MCP by streams of one event", Seams(response=_as_event), MCP),
    Variant("a tool that is not there is a failed result", Seams(body=_failed_tool), MCP),
)  # fmt: skip
