"""Streams: framing and order of their events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import equal, filled, member, need
from greenlane.ext.probe.pack.sources import CHAT_STREAM, MESSAGES_STREAM, RESPONSES_STREAM, SSE
from greenlane.ext.probe.speech.chat import DONE
from greenlane.ext.probe.speech.protocol import dict_of, list_of
from greenlane.ext.probe.speech.responses import LAST
from greenlane.ext.probe.values import SHOULD, Dialect, Event, Finding, ask, check

BEGINNING = ("response.created", "response.queued", "response.in_progress")
INSIDE_ITEM = tuple(
    f"response.{kind}"
    for kind in ("content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done")
)

_LOST = "the client waits for ever or drops the answer: "


def _stream(case: Case) -> tuple[Event, ...]:
    events = case.stream(ask(f"Name five animals, and say hello to {case.word()}.", max_tokens=48)).events
    need(events, "the stream has no event")
    # Many gateways end every stream as those of chat end; openai, which reads Responses, takes it as an end, too.
    spare = case.dialect is Dialect.RESPONSES and events[-1].data == DONE
    return events[:-1] if spare else events


@check(
    "stream.head", SSE, "This format's MIME type is text/event-stream.",
    "browsers' EventSource, fetch-event-source and the Vercel AI SDK refuse the stream",
)  # fmt: skip
def head(case: Case) -> None:
    """The answer says that it is a stream of events."""
    found = case.stream(ask("Say hello.")).headers.get("content-type", "")
    need(found.partition(";")[0].strip().lower() == "text/event-stream", f"content-type of a stream is {found!r}")


@check(
    "stream.framing", SSE, "Each event's data is one JSON object; the stream of chat ends with data: [DONE].",
    "json.loads raises in the middle of an answer: openai, anthropic, LangChain",
)  # fmt: skip
def framing(case: Case) -> None:
    """Every payload is JSON, or the word that ends a stream of chat."""
    for event in _stream(case):
        good = isinstance(event.data, dict) or (case.dialect is Dialect.CHAT and event.data == DONE)
        need(good, f"an event is no JSON object: {event.data!r:.80}")


@check(
    "stream.end", CHAT_STREAM,
    "The stream is terminated by a data: [DONE] message (chat), message_stop, response.completed.",
    f"{_LOST}the Vercel AI SDK, Claude Code, Codex",
)  # fmt: skip
def end(case: Case) -> None:
    """A stream has one end, after which nothing comes."""
    events = _stream(case)
    ends = [number for number, event in enumerate(events) if _is_end(case.dialect, event)]
    need(ends, f"the stream ends without {_END[case.dialect]}")
    need(len(ends) == 1, f"the stream has {len(ends)} ends ({_END[case.dialect]})")
    need(ends[0] == len(events) - 1, f"{len(events) - 1 - ends[0]} events follow {_END[case.dialect]}")


_END = {
    Dialect.CHAT: "data: [DONE]", Dialect.MESSAGES: "message_stop",
    Dialect.RESPONSES: "response.completed or response.incomplete",
}  # fmt: skip


def _is_end(dialect: Dialect, event: Event) -> bool:
    if dialect is Dialect.CHAT:
        return bool(event.data == DONE)
    kind = dict_of(event.data).get("type")
    return kind == "message_stop" if dialect is Dialect.MESSAGES else kind in LAST


@check(
    "stream.pieces", CHAT_STREAM, "Partial message deltas will be sent, as they become available.",
    "the user looks at an empty page until all is there: every chat interface", severity=SHOULD,
)  # fmt: skip
def pieces(case: Case) -> None:
    """A long answer comes in pieces."""
    events = _stream(case)
    texts = [piece for piece in _pieces(case.dialect, events) if piece]
    whole = "".join(texts)
    need(whole, "the stream has no text")
    if len(whole) > 40:
        need(len(texts) > 1, f"{len(whole)} characters came in one piece: the answer is not streamed")


def _pieces(dialect: Dialect, events: tuple[Event, ...]) -> Iterator[str]:
    for data in (dict_of(event.data) for event in events):
        if dialect is Dialect.CHAT:
            for choice in map(dict_of, list_of(data.get("choices"))):
                yield dict_of(choice.get("delta")).get("content") or ""
        elif dialect is Dialect.MESSAGES and data.get("type") == "content_block_delta":
            yield dict_of(data.get("delta")).get("text") or ""
        elif dialect is Dialect.RESPONSES and data.get("type") == "response.output_text.delta":
            yield data.get("delta") or ""


def _chunks(case: Case) -> list[dict[str, Any]]:
    return [event.data for event in _stream(case) if isinstance(event.data, dict)]


@check(
    "stream.shape", CHAT_STREAM,
    "id: Each chunk has the same ID. index: The index of the choice in the list of choices.",
    "pieces of one answer become several: openai's stream helpers, LangChain", dialects=(Dialect.CHAT,),
)  # fmt: skip
def chat_shape(case: Case) -> None:
    """All chunks of a stream carry one id and one model, and each choice its index."""
    chunks = _chunks(case)
    for chunk in chunks:
        equal(chunk, "object", "chat.completion.chunk")
        member(chunk, "created", int)
        filled(chunk, "model")
        for choice in member(chunk, "choices", list):
            equal(choice, "index", 0)
            member(choice, "delta", dict)
    ids = {filled(chunk, "id") for chunk in chunks}
    need(len(ids) == 1, f"the chunks of one stream have {len(ids)} ids")
    models = {chunk["model"] for chunk in chunks}
    need(len(models) == 1, f"the chunks of one stream name {len(models)} models")


@check(
    "stream.order", CHAT_STREAM,
    "delta.role comes first; finish_reason once, in the last chunk of the choice; usage in an additional "
    "chunk before [DONE].", "the answer has no role or loses its end: openai, LiteLLM, the Vercel AI SDK",
    dialects=(Dialect.CHAT,),
)  # fmt: skip
def chat_order(case: Case) -> None:
    """The role comes first, the reason once and after the text, the usage after the reason."""
    chunks = _chunks(case)
    choices = [(n, choice) for n, chunk in enumerate(chunks) for choice in list_of(chunk.get("choices"))]
    need(choices, "no chunk has a choice")
    role = dict_of(choices[0][1].get("delta")).get("role")
    need(role == "assistant", f"the first delta's role is {role!r}, not 'assistant'")
    reasons = [n for n, choice in choices if choice.get("finish_reason")]
    need(len(reasons) == 1, f"{len(reasons)} chunks have a finish_reason, not one")
    late = [n for n, choice in choices if n > reasons[0] and (choice.get("delta") or {}).get("content")]
    need(not late, "text comes after the finish_reason")
    usage = [n for n, chunk in enumerate(chunks) if chunk.get("usage")]
    need(not usage or usage[-1] >= reasons[0], "usage comes before the finish_reason")
    calls = [n for n, choice in choices if n > reasons[0] and (choice.get("delta") or {}).get("tool_calls")]
    need(not calls, "a tool call comes after the finish_reason")


@check(
    "stream.shape", MESSAGES_STREAM,
    "Each server-sent event includes a named event type and associated JSON data with the same type.",
    "events are not recognised: anthropic, Claude Code", dialects=(Dialect.MESSAGES,),
)  # fmt: skip
def messages_shape(case: Case) -> None:
    """Each event is named like the type of its data, and the start has an empty message."""
    events = _stream(case)
    for event in events:
        kind = filled(dict_of(event.data), "type")
        need(event.name == kind, f"event {event.name!r} has data of type {kind!r}")
    start = dict_of(events[0].data)
    equal(start, "type", "message_start")
    filled(start, "message.id")
    equal(start, "message.type", "message")
    equal(start, "message.role", "assistant")
    filled(start, "message.model")
    need(member(start, "message.content", list) == [], "message_start has content already")
    need(member(start, "message.stop_reason", object) is None, "message_start has a stop_reason already")
    member(start, "message.usage.input_tokens", int)


@check(
    "stream.order", MESSAGES_STREAM,
    "message_start; content blocks, each with content_block_start, deltas and content_block_stop; "
    "message_delta; message_stop.", "anthropic's accumulator raises: Claude Code shows `Content block not found`",
    dialects=(Dialect.MESSAGES,),
)  # fmt: skip
def messages_order(case: Case) -> None:
    """Start; blocks one after the other, each with start, deltas, stop; the reason; stop."""
    kinds = [(dict_of(e.data).get("type"), dict_of(e.data)) for e in _stream(case)]
    kinds = [(kind, data) for kind, data in kinds if kind != "ping"]
    need(kinds[0][0] == "message_start", f"the first event is {kinds[0][0]}, not message_start")
    need(kinds[-1][0] == "message_stop", f"the last event is {kinds[-1][0]}, not message_stop")
    opened, count, deltas = None, 0, 0
    for kind, data in kinds[1:-1]:
        if kind == "content_block_start":
            need(opened is None, "a block begins before the one before has ended")
            need(data.get("index") == count, f"block {count} begins with index {data.get('index')!r}")
            member(data, "content_block.type", str)
            opened, count = count, count + 1
        elif kind in ("content_block_delta", "content_block_stop"):
            need(opened is not None, f"{kind} comes while no block is open")
            need(data.get("index") == opened, f"{kind} has index {data.get('index')!r} while block {opened} is open")
            need(not deltas, f"{kind} comes after message_delta")
            opened = None if kind == "content_block_stop" else opened
        elif kind == "message_delta":
            need(opened is None, "message_delta comes before the block has ended")
            filled(data, "delta.stop_reason")
            deltas += 1
        else:
            raise Finding(f"an event of type {kind!r} has no place in a stream of messages")
    need(opened is None, "a block has no end")
    need(deltas == 1, f"{deltas} events message_delta, not one")


@check(
    "stream.shape", RESPONSES_STREAM,
    "sequence_number: The sequence number of this event. type: The type of the event.",
    "events are dropped or put in another order: Codex, the Agents SDK", dialects=(Dialect.RESPONSES,),
)  # fmt: skip
def responses_shape(case: Case) -> None:
    """Each event is named like the type of its data, and numbered without a gap."""
    events = _stream(case)
    for number, event in enumerate(events):
        data = dict_of(event.data)
        kind = filled(data, "type")
        need(event.name in ("", kind), f"event {event.name!r} has data of type {kind!r}")
        need(data.get("sequence_number") == number, f"event {number} has sequence_number {data.get('sequence_number')}")
    equal(dict_of(events[0].data), "response.status", "in_progress")
    last = dict_of(events[-1].data).get("response") or {}
    need(last.get("id") == dict_of(events[0].data)["response"].get("id"), "the response's id changes during the stream")


@check(
    "stream.order", RESPONSES_STREAM,
    "response.created; output_item.added; content_part.added; deltas; done; response.completed.",
    "openai's accumulator raises; Codex says `stream disconnected before completion`", dialects=(Dialect.RESPONSES,),
)  # fmt: skip
def responses_order(case: Case) -> None:
    """Created; items and their parts begin before their deltas; what is done repeats what was said."""
    data = [dict_of(event.data) for event in _stream(case)]
    kinds = [one.get("type") for one in data]
    need(kinds[0] == "response.created", f"the first event is {kinds[0]}, not response.created")
    begun = [kind for kind in kinds if kind in BEGINNING]
    need(kinds[: len(begun)] == begun, "the response begins after its first item")
    items: set[object] = set()
    parts: dict[tuple[object, object], str] = {}
    for one in data:
        kind, item, part = one.get("type"), one.get("output_index"), (one.get("output_index"), one.get("content_index"))
        if kind in INSIDE_ITEM:
            need(item in items, f"{kind} comes while its item is not open")
        if kind == "response.output_item.added":
            items.add(item)
        elif kind == "response.content_part.added":
            parts[part] = ""
        elif kind == "response.output_text.delta":
            need(part in parts, "a delta comes before its part begins")
            parts[part] += one["delta"]
        elif kind == "response.output_text.done":
            need(one.get("text") == parts.get(part), "response.output_text.done has another text than its deltas")
        elif kind == "response.output_item.done":
            items.discard(item)
    need(not items, "an item has no end")
    need(parts, "no part was begun")
    final = [p.get("text") for i in dict_of(data[-1].get("response")).get("output") or [] for p in i.get("content", [])]
    need(final == list(parts.values()), "the last event's output has another text than the deltas")


@check(
    "stream.lines", SSE, "event = *( comment / field ) end-of-line; the stream must be separated by blank lines.",
    "the last event is lost, or proxies cut the stream: httpx-sse, EventSource",
)  # fmt: skip
def bytes_(case: Case) -> None:
    """Every line is a field of the format of events, a comment, or empty."""
    stream = case.stream(ask("Say hello."))
    for line in stream.body.decode("utf-8", "replace").splitlines():
        field = line.partition(":")[0]
        need(
            field in ("data", "event", "id", "retry", ""), f"a line of the stream is none of the format: {line[:60]!r}"
        )
    need(stream.body.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")), "the last event is not ended by an empty line")


@check(
    "stream.plain", CHAT_STREAM, "stream: If set to true, the model response data will be streamed; defaults to false.",
    "a client that always says what it wants gets a stream that it cannot read", severity=SHOULD,
)  # fmt: skip
def once(case: Case) -> None:
    """A request that asks for no stream is answered plainly, also when it says so."""
    reply = case.post({**case.body(ask("Say hello.")), "stream": False})
    case.read(reply)
    need(json.loads(reply.body), "`stream: false` is answered with a stream")
