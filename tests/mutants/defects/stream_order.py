"""Streams whose events have a wrong form, or come in a wrong order, dialect by dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mutants.change import choice_of, drop_events, in_events, kind_of, put_events, renumbered, without
from mutants.mutant import Exchange, Mutant, Seams, Sent

CHAT, MESSAGES, RESPONSES = ("chat",), ("messages",), ("responses",)
SHAPE, ORDER = "stream.shape", "stream.order"


def _is_reason(event: Sent) -> bool:
    return bool(choice_of(event).get("finish_reason"))


def _moved(events: list[Sent], which: Callable[[Sent], bool], by: int) -> list[Sent]:
    """Move the first event of a kind by some places."""
    at = next((n for n, event in enumerate(events) if which(event)), None)
    if at is None:
        return events
    rest = [*events[:at], *events[at + 1 :]]
    return renumbered([*rest[: at + by], events[at], *rest[at + by :]])


def _is(kind: str) -> Callable[[Sent], bool]:
    return lambda event: kind_of(event) == kind


def _move(kind: str, by: int) -> Seams:
    return Seams(events=lambda events, _x: _moved(events, _is(kind), by))


def _twice(which: Callable[[Sent], bool]) -> Seams:
    return Seams(events=lambda events, _x: renumbered([e for one in events for e in [one] * (1 + which(one))]))


def _ids(events: list[Sent], _x: Exchange) -> list[Sent]:
    return [e if isinstance(e.data, str) else Sent({**e.data, "id": f"c-{n}"}, e.name) for n, e in enumerate(events)]


def _models(events: list[Sent], _x: Exchange) -> list[Sent]:
    return [
        e if isinstance(e.data, str) or n % 2 else Sent({**e.data, "model": "another"}, e.name)
        for n, e in enumerate(events)
    ]


def _as_message(choice: dict[str, Any]) -> dict[str, Any]:
    return {("message" if name == "delta" else name): value for name, value in choice.items()}


def _each_has_reason(events: list[Sent], x: Exchange) -> list[Sent]:
    return put_events("stop", "choices.0.finish_reason").events(events, x)


def _usage_first(events: list[Sent], _x: Exchange) -> list[Sent]:
    return _moved(events, lambda e: isinstance(e.data, dict) and not e.data.get("choices"), -2)


def _named(name: str) -> Seams:
    return Seams(events=lambda events, _x: [Sent(e.data, name) for e in events])


def _gap(events: list[Sent], _x: Exchange) -> list[Sent]:
    return [Sent({**e.data, "sequence_number": n + (n > 3)}, e.name) for n, e in enumerate(events)]


def _other_end(events: list[Sent], x: Exchange) -> list[Sent]:
    return [*events[:-1], *put_events("resp_other", "response.id").events(events[-1:], x)]


def _early(kind: str, status: str) -> Seams:
    """Change the status of the response in the events of one kind."""

    def seam(events: list[Sent], x: Exchange) -> list[Sent]:
        change = put_events(status, "response.status").events
        return [change([e], x)[0] if kind_of(e) == kind else e for e in events]

    return Seams(events=seam)


def _without_deltas_text(event: Sent) -> bool:
    return kind_of(event) == "response.output_text.delta"


CHAT_MUTANTS = (
    Mutant("every chunk has an id of its own", SHAPE, Seams(events=_ids), CHAT),
    Mutant("chunks without an id", SHAPE, drop_events("id"), CHAT),
    Mutant("chunks name two models", SHAPE, Seams(events=_models), CHAT),
    Mutant("`object` of a chunk is that of a plain answer", SHAPE, put_events("chat.completion", "object"), CHAT),
    Mutant("chunks without `created`", SHAPE, drop_events("created"), CHAT),
    Mutant("chunks without an index", SHAPE, drop_events("choices.0.index"), CHAT),
    Mutant("chunks with index 1", SHAPE, put_events(1, "choices.0.index"), CHAT),
    Mutant("`message` in the place of `delta`", SHAPE, in_events(_as_message, "choices.0"), CHAT),
    Mutant("role missing in a stream", ORDER, drop_events("choices.0.delta.role"), CHAT),
    Mutant("first chunk is lost", ORDER, Seams(events=lambda events, _x: events[1:]), CHAT),
    Mutant("every chunk has a reason", ORDER, Seams(events=_each_has_reason), CHAT),
    Mutant("reason comes twice", ORDER, _twice(_is_reason), CHAT),
    Mutant("text after the reason", ORDER,
           Seams(events=lambda events, _x: _moved(events, _is_reason, -1)), CHAT),
    Mutant("usage before the reason", ORDER, Seams(events=_usage_first), CHAT),
)  # fmt: skip

MESSAGES_MUTANTS = (
    Mutant("events without a name", SHAPE, _named(""), MESSAGES),
    Mutant("every event is called `message`", SHAPE, _named("message"), MESSAGES),
    Mutant("start without an id", SHAPE, drop_events("message.id"), MESSAGES),
    Mutant("start without a role", SHAPE, drop_events("message.role"), MESSAGES),
    Mutant("start without a model", SHAPE, drop_events("message.model"), MESSAGES),
    Mutant("start without usage", SHAPE, drop_events("message.usage"), MESSAGES),
    Mutant("start has the content already", SHAPE, put_events([{"type": "text", "text": "x"}], "message.content"),
           MESSAGES),
    Mutant("start has a reason already", SHAPE, put_events("end_turn", "message.stop_reason"), MESSAGES),
    Mutant("no message_start", ORDER, without("message_start"), MESSAGES),
    Mutant("no content_block_start", ORDER, without("content_block_start"), MESSAGES),
    Mutant("no content_block_stop", ORDER, without("content_block_stop"), MESSAGES),
    Mutant("no message_delta", ORDER, without("message_delta"), MESSAGES),
    Mutant("message_delta comes twice", ORDER, _twice(_is("message_delta")), MESSAGES),
    Mutant("message_delta before the block has ended", ORDER, _move("message_delta", -1), MESSAGES),
    Mutant("deltas without an index", ORDER, drop_events("index"), MESSAGES),
    Mutant("first block has index 1", ORDER, put_events(1, "index"), MESSAGES),
    Mutant("a block begins twice", ORDER, _twice(_is("content_block_start")), MESSAGES),
    Mutant("content_block_stop comes in the middle of a block", ORDER, _move("content_block_stop", -2), MESSAGES),
    Mutant("an event of a type that nobody knows", ORDER,
           Seams(events=lambda events, _x: [*events[:-1], Sent({"type": "usage"}, "usage"), events[-1]]), MESSAGES),
    Mutant("message_delta without a reason", ORDER, put_events(None, "delta.stop_reason"), MESSAGES),
)  # fmt: skip

RESPONSES_MUTANTS = (
    Mutant("events without a number", SHAPE, drop_events("sequence_number"), RESPONSES),
    Mutant("numbers with a gap", SHAPE, Seams(events=_gap), RESPONSES),
    Mutant("every event has number 0", SHAPE, put_events(0, "sequence_number"), RESPONSES),
    Mutant("events are called `message`", SHAPE, _named("message"), RESPONSES),
    Mutant("response is completed when it begins", SHAPE, _early("response.created", "completed"), RESPONSES),
    Mutant("response ends with another id", SHAPE, Seams(events=_other_end), RESPONSES),
    Mutant("no response.created", ORDER, without("response.created"), RESPONSES),
    Mutant("response.in_progress after the first item", ORDER, _move("response.in_progress", 2), RESPONSES),
    Mutant("no output_item.added", ORDER, without("response.output_item.added"), RESPONSES),
    Mutant("no output_item.done", ORDER, without("response.output_item.done"), RESPONSES),
    Mutant("no content_part.added", ORDER, without("response.content_part.added"), RESPONSES),
    Mutant("delta before its part", ORDER, _move("response.content_part.added", 1), RESPONSES),
    Mutant("output_text.done with another text", ORDER, put_events("other", "text"), RESPONSES),
    Mutant("last event has no output", ORDER, put_events([], "response.output"), RESPONSES),
    Mutant("last event's text is cut", ORDER,
           in_events(lambda text: text[:3], "response.output.0.content.0.text"), RESPONSES),
    Mutant("deltas come twice", ORDER, _twice(_without_deltas_text), RESPONSES),
    Mutant("item is done before its part", ORDER, _move("response.output_item.done", -4), RESPONSES),
)  # fmt: skip

MUTANTS = (*CHAT_MUTANTS, *MESSAGES_MUTANTS, *RESPONSES_MUTANTS)
