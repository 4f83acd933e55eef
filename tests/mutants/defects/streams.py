"""Streams that are framed wrongly, or end wrongly, in every dialect."""

from __future__ import annotations

import dataclasses
import json

from mutants.brain import Brain
from mutants.change import choice_of, kind_of, renumbered
from mutants.healthy import SPOKEN, SSE_TYPE, Exchange, Response
from mutants.mutant import Mutant, Seams, Sent
from mutants.speaking import body_of, events_of, prompt_of

LAST = (b"[DONE]", b'"message_stop"', b'"response.completed"')


def _typed(kind: str) -> Seams:
    def seam(response: Response, _x: Exchange) -> Response:
        if response.events is not None:
            response.headers["content-type"] = kind
        return response

    return Seams(response=seam)


def _quoted_singly(frame: bytes, _x: Exchange) -> bytes:
    return frame.replace(b'"', b"'")


def _torn(frame: bytes, _x: Exchange) -> bytes:
    """An event is torn where a reader's buffer ended."""
    if len(frame) < 80 or b"data: {" not in frame:
        return frame
    return frame[:70] + b"\n\ndata: " + frame[70:]


def _without_last_blank(frame: bytes, _x: Exchange) -> bytes:
    return frame[:-1] if any(last in frame for last in LAST) else frame


def _logging(frame: bytes, _x: Exchange) -> bytes:
    return b"INFO sent a chunk\n" + frame


def _bare(frame: bytes, _x: Exchange) -> bytes:
    """JSON lines, as Ollama's own protocol has them, in the place of events."""
    return frame.replace(b"data: ", b"")


def _joined(events: list[Sent], x: Exchange) -> list[Sent]:
    """Everything is held back, and then sent as one piece."""
    text = [e for e in events if _text_of(e)]
    if not text:
        return events
    whole = "".join(map(_text_of, text))
    kept = [e for e in events if e is text[0] or not _text_of(e)]
    return renumbered([_with_text(e, whole, x) if e is text[0] else e for e in kept])


def _text_of(event: Sent) -> str:
    if kind_of(event) == "response.output_text.delta":
        return str(event.data["delta"])
    if kind_of(event) == "content_block_delta":
        return str(event.data["delta"].get("text", ""))
    return choice_of(event).get("delta", {}).get("content") or ""


def _with_text(event: Sent, text: str, x: Exchange) -> Sent:
    if x.dialect == "responses":
        return Sent({**event.data, "delta": text}, event.name)
    if x.dialect == "messages":
        return Sent({**event.data, "delta": {"type": "text_delta", "text": text}}, event.name)
    return Sent({**event.data, "choices": [{**choice_of(event), "delta": {"content": text}}]}, event.name)


def _always(response: Response, x: Exchange) -> Response:
    """Whoever says `stream` gets one, also with false."""
    if x.dialect in SPOKEN and response.status == 200 and isinstance(x.body, dict) and x.body.get("stream") is False:
        thought = Brain().think(prompt_of(x.dialect, x.body))
        return Response(headers={"content-type": SSE_TYPE}, events=events_of(x.dialect, thought, "healthy-1", x.number))
    return response


def _never(response: Response, x: Exchange) -> Response:
    """A stream that is asked for is answered with the plain body, as some proxies do."""
    if response.events is None or x.dialect not in SPOKEN:
        return response
    thought = Brain().think(prompt_of(x.dialect, x.body))
    return dataclasses.replace(
        Response.of(body_of(x.dialect, thought, "healthy-1", x.number)), headers={"content-type": "application/json"}
    )


def _one_event(events: list[Sent], x: Exchange) -> list[Sent]:
    """The plain body as the one event of a stream."""
    return [Sent({"object": "everything", "events": json.dumps([e.data for e in events])})]


MUTANTS = (
    Mutant("stream that says it is JSON", "stream.head", _typed("application/json")),
    Mutant("stream that says it is text", "stream.head", _typed("text/plain")),
    Mutant("stream that is asked for comes as a plain answer", "stream.head", Seams(response=_never)),
    Mutant("events as Python prints them", "stream.framing", Seams(frame=_quoted_singly)),
    Mutant("event torn in two by a buffer", "stream.framing", Seams(frame=_torn)),
    Mutant("last event without the empty line after it", "stream.lines", Seams(frame=_without_last_blank)),
    Mutant("lines of the log between the events", "stream.lines", Seams(frame=_logging)),
    Mutant("lines of JSON, none of them an event", "stream.lines", Seams(frame=_bare)),
    Mutant("stream without its end", "stream.end", Seams(events=lambda events, _x: events[:-1])),
    Mutant("stream cut in the middle", "stream.end", Seams(events=lambda events, _x: events[: len(events) // 2])),
    Mutant("stream with two ends", "stream.end", Seams(events=lambda events, _x: renumbered([*events, events[-1]]))),
    Mutant("events after the end", "stream.end", Seams(events=lambda events, _x: renumbered([*events, events[-2]]))),
    Mutant("stream is one event with everything in it", "stream.end", Seams(events=_one_event)),
    Mutant("answer is held back and sent as one piece", "stream.pieces", Seams(events=_joined)),
    Mutant("`stream: false` is answered with a stream", "stream.plain", Seams(response=_always)),
)
