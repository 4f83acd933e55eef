"""Translations against what nobody thought of."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mini_agent.core.errors import GatewayError
from mini_agent.dialects import Dialect, Losses, Message, Reply, Request, StreamTranslation, translate_request
from mini_agent.dialects.frames import frames
from mini_agent.dialects.parameters import parameter_of
from mini_agent.dialects.request import Document, Image, OutputFormat, Text, Tool, ToolCall, ToolChoice, ToolResult
from mini_agent.dialects.translation import CODECS
from mini_agent.net.sse import SseReader
from support.dialect_listener import listen
from support.dialect_requests import PDF, PNG, REQUESTS, is_explained
from support.dialect_scripts import Call, Script, Thought, Words, wire

ANY = [(caller, provider) for caller in Dialect for provider in Dialect]
pair = pytest.mark.parametrize(("caller", "provider"), ANY, ids=[f"{caller}-{provider}" for caller, provider in ANY])
#: Per pair: enough to find what is wrong, few enough for a lane that runs all the time.
EXAMPLES = 8
few = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
many = settings(few, max_examples=12 * EXAMPLES)

_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=5,
)
_text = _words.map(Text)
_image = st.sampled_from([f"data:image/png;base64,{PNG}", "https://example.org/a.png"]).map(Image)
_document = _words.map(lambda name: Document(f"data:application/pdf;base64,{PDF}", name=name))
_user = st.lists(_text | _image | _document, min_size=1, max_size=3).map(lambda parts: [Message("user", tuple(parts))])


@st.composite
def _work(draw: st.DrawFn) -> list[Message]:
    """Draw a turn of the assistant's with calls, and their results."""
    count = draw(st.integers(0, 3))
    said = draw(st.lists(_text, min_size=0 if count else 1, max_size=2))
    calls = [
        ToolCall(
            f"call_{draw(st.integers(0, 10**6))}_{at}",
            draw(_names),
            json.dumps(draw(st.dictionaries(_words, _json, max_size=2))),
        )
        for at in range(count)
    ]
    turns = [Message("assistant", (*said, *calls))]
    if calls:
        results = [ToolResult(call.id, tuple(draw(st.lists(_text, min_size=1, max_size=2)))) for call in calls]
        turns.append(Message("tool", tuple(results)))
    return turns


@st.composite
def _requests(draw: st.DrawFn, caller: Dialect) -> Request:
    """Draw a request of which all dialects can say everything."""
    system = [
        Message("system", tuple(parts)) for parts in draw(st.lists(st.lists(_text, min_size=1, max_size=2), max_size=2))
    ]
    turns = [turn for _ in range(draw(st.integers(0, 2))) for turn in (*draw(_user), *draw(_work()))]
    tools = tuple(
        Tool(
            kind="function",
            name=name,
            native={},
            description=draw(st.none() | _words),
            schema={"type": "object", "x": draw(_json)},
        )
        for name in draw(st.lists(_names, max_size=2, unique=True))
    )
    choice = draw(st.none() | st.sampled_from([ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]))
    if tools and draw(st.booleans()):
        choice = ToolChoice("tool", tools[0].name)
    names = {
        Dialect.CHAT: "max_completion_tokens",
        Dialect.MESSAGES: "max_tokens",
        Dialect.RESPONSES: "max_output_tokens",
    }
    return Request(
        dialect=caller,
        model=draw(_words),
        messages=(*system, *turns, *draw(_user)),
        tools=tools,
        tool_choice=choice if tools else None,
        parallel=draw(st.none() | st.just(False)) if tools and choice != ToolChoice("none") else None,
        output=draw(st.none() | st.builds(OutputFormat, st.just({"type": "object"}), st.just("answer"))),
        effort=draw(st.none() | st.sampled_from(["low", "medium", "high"])),
        user=draw(st.none() | _words),
        stream=draw(st.booleans()),
        settings={names[caller]: draw(st.integers(1, 10**5)), "temperature": draw(st.floats(0, 1))},
    )


def _common(request: Request) -> dict[str, Any]:
    """Return what a request says in any dialect: leading instructions as one, a tool's `strict` as the default."""
    messages: list[tuple[str, list[Any]]] = []
    for message in request.messages:
        parts = [_plain(part) for part in message.parts]
        if messages and messages[-1][0] == message.role == "system":
            messages[-1][1].extend(parts)
        else:
            messages.append((message.role, parts))
    choice = request.tool_choice
    if choice is not None and request.parallel is False and choice.mode == "auto":
        # Anthropic's protocol says the one with the other.
        choice = None
    rows = {id(parameter_of(request.dialect, name)): value for name, value in request.settings.items()}
    return {
        "model": request.model,
        "messages": messages,
        "tools": [(tool.kind, tool.name, tool.description, tool.schema, bool(tool.strict)) for tool in request.tools],
        "choice": choice,
        "parallel": request.parallel,
        "schema": request.output and request.output.schema,
        "effort": request.effort,
        "user": request.user,
        "stream": request.stream,
        "settings": {key: value for key, value in rows.items() if value is not False},
    }


def _plain(part: Any) -> Any:
    match part:
        case ToolCall():
            return "call", part.id, part.name, json.loads(part.arguments)
        case ToolResult():
            return "result", part.call_id, [_plain(inner) for inner in part.parts]
        case Image():
            return "image", part.url
        case Document():
            return "document", part.url, part.name
    return "text", part.text


@pair
@few
@given(data=st.data())
def test_all_that_both_can_say_arrives(caller: Dialect, provider: Dialect, data: st.DataObject) -> None:
    """A request, written for a provider and read as that provider reads it, still says what it said."""
    request = data.draw(_requests(next(dialect for dialect in Dialect if dialect is not caller)))
    body = CODECS[caller].encode_request(request, Losses(request.dialect, caller))
    read = CODECS[caller].decode_request(body)
    assert _common(read) == _common(request)
    losses = Losses(caller, provider)
    sent = json.loads(json.dumps(CODECS[provider].encode_request(read, losses)))
    assert _common(CODECS[provider].decode_request(sent)) == _common(request)
    assert set(losses.dropped) <= {"thinking", "store", "include"}


@st.composite
def _spoilt(draw: st.DrawFn) -> tuple[Dialect, Any]:
    """Draw a good body with something else in one place."""
    caller = draw(st.sampled_from(list(Dialect)))
    body = json.loads(json.dumps(REQUESTS[draw(st.sampled_from(sorted(REQUESTS)))](caller)))
    place: Any = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        place[key] = draw(_json)
        return caller, body


@many
@given(spoilt=_spoilt(), provider=st.sampled_from(list(Dialect)))
def test_a_spoilt_body_is_refused_or_read_but_never_fails(spoilt: tuple[Dialect, Any], provider: Dialect) -> None:
    """Whatever stands anywhere in a body: it is translated, or the caller is told what is wrong with it."""
    caller, body = spoilt
    refused: GatewayError | None = None
    try:
        sent = translate_request(body, caller, provider)
    except GatewayError as error:
        refused = error
    else:
        json.dumps(sent.body)
        assert [name for name in sent.dropped if not is_explained(name, caller)] == []
    assert refused is None or (400 <= refused.status < 500 and refused.param)


_scripts = st.builds(
    Script,
    st.lists(
        st.builds(Words, _words)
        | st.builds(Thought, _words)
        | st.builds(
            lambda at, name, given: Call(f"call_{at}", name, json.dumps(given)),
            st.integers(0, 999),
            _names,
            st.dictionaries(_words, _json, max_size=2),
        ),
        max_size=4,
    ).map(tuple),
    cut=st.integers(1, 5),
)


def _reply(caller: Dialect) -> Reply:
    body = REQUESTS["plain"](caller)
    return Reply(id="0", created=1, request=translate_request(body, caller, caller).request, body=body)


def _told(payloads: list[bytes], caller: Dialect, provider: Dialect) -> bytes:
    stream = StreamTranslation(caller, provider, _reply(caller))
    told, failed = stream.feed(payloads)
    if failed is not None:
        raise failed
    return frames(caller, told + stream.close())


@pair
@few
@given(script=_scripts)
def test_any_stream_is_in_order_for_every_caller(caller: Dialect, provider: Dialect, script: Script) -> None:
    """Texts, thoughts and calls in any order and number make a stream of the caller's protocol that says the same."""
    heard = listen(caller, _told(SseReader().feed(wire(provider, script.events(provider))), caller, provider))
    assert heard.text == "".join(part.text for part in script.parts if isinstance(part, Words))
    assert [call[1] for call in heard.calls] == [part.name for part in script.parts if isinstance(part, Call)]


@pair
def test_a_stream_cut_at_every_byte_is_the_same_stream(caller: Dialect, provider: Dialect) -> None:
    """However the network cuts the provider's bytes, the caller gets the same ones."""
    parts = (Thought("hm é"), Words("a \U0001f600 b"), Call("call_1", "look", '{"city":"Zürich"}'))
    raw = wire(provider, Script(parts, finish="tool_calls", cut=8).events(provider))
    payloads = SseReader().feed(raw)
    for at in range(len(raw)):
        reader = SseReader()
        assert [*reader.feed(raw[:at]), *reader.feed(raw[at:]), *reader.finish()] == payloads
    reader = SseReader()
    single = [payload for byte in raw for payload in reader.feed(bytes([byte]))]
    assert _told(single, caller, provider) == _told(payloads, caller, provider)


@many
@given(data=st.data(), script=_scripts, both=st.sampled_from([(a, b) for a, b in ANY if a is not b]))
def test_a_provider_out_of_order_gives_an_answer_in_order_or_an_error(
    data: st.DataObject, script: Script, both: tuple[Dialect, Dialect]
) -> None:
    """Events that are lost, repeated, swapped or spoilt never make a stream that the caller's protocol has not."""
    caller, provider = both
    events: list[Any] = script.events(provider)
    for _ in range(data.draw(st.integers(1, 3))):
        at, other = (data.draw(st.integers(0, len(events) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(["lose", "repeat", "swap", "spoil"])):
            case "lose" if len(events) > 1:
                del events[at]
            case "repeat":
                events.insert(other, events[at])
            case "swap":
                events[at], events[other] = events[other], events[at]
            case "spoil":
                key = data.draw(st.sampled_from(sorted(events[at]) or ["type"]))
                events[at] = {**events[at], key: data.draw(_json)}
    payloads = [json.dumps(event).encode() for event in events]
    with contextlib.suppress(GatewayError):
        told = _told([*payloads, *([b"[DONE]"] if provider is Dialect.CHAT else [])], caller, provider)
        # Arguments of which a piece was lost are no JSON; that is the provider's word, and their order is right.
        with contextlib.suppress(ValueError):
            listen(caller, told)
