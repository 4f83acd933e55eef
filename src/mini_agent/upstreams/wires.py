"""What servers of each dialect say over HTTP: their answers, the events of their streams, their errors.

Bytes are checked and passed on as they arrived; they are never decoded and encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from mini_agent.core.chat import DONE
from mini_agent.core.errors import GatewayError, InvalidProviderResponse
from mini_agent.core.patterns import Pattern
from mini_agent.core.text import json_or, load_json, valid_utf8
from mini_agent.dialects import Dialect, error_of, read_error
from mini_agent.upstreams.errors import error_of_event, error_of_status, of_provider

_FINISH = Pattern(rb'"finish_reason"\s*:\s*"[^"]')


class ErrorOfStatus(Protocol):
    """Translates a non-2xx answer; `now` is seconds since the epoch."""

    def __call__(
        self, status: int, headers: Mapping[str, str], body: bytes, *, now: float, model: str = ""
    ) -> GatewayError: ...


class StreamGuard(Protocol):
    """Watches over the events of one stream."""

    def check(self, payloads: list[bytes]) -> tuple[bool, GatewayError | None]:
        """Look at events that arrived together; cut the list after the last one of the stream, or before a broken one.

        Returns: whether the stream has ended as its protocol has it, and the failure that ends it instead.
        """

    def finished(self) -> bool:
        """Returns: whether a stream that ends now is whole."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A kind of server. name: of what it answers. member: the list that every answer has, or the number.

    of_status, of_event: how it says that something failed, as an answer and as the error in a stream event.
    guards: makes what watches over one stream, from this and the number of answers that were asked for.
    """

    name: str
    member: str
    of_status: ErrorOfStatus
    of_event: Callable[[Any], GatewayError]
    guards: Callable[[Wire, int], StreamGuard]

    def check_answer(self, raw: bytes) -> bytes:
        """Returns: an answer as every reader takes it. Raises: InvalidProviderResponse, or what it says failed."""
        decoder = _ANSWERS[self.member]
        try:
            answer = decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            # Half of a surrogate pair, from a cut emoji, is no reason to lose an answer: the slower reader repairs it.
            raw = _repaired(raw, self, error)
            answer = decoder.decode(raw)
        if isinstance(answer, _Response) and answer.status == "failed":
            raise self.of_event(load_json(bytes(answer.error).decode()))
        return raw


class _Completion(msgspec.Struct):
    choices: list[msgspec.Raw]


class _Message(msgspec.Struct):
    content: list[msgspec.Raw]


class _Response(msgspec.Struct):
    output: list[msgspec.Raw]
    status: Any = None
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Embeddings(msgspec.Struct):
    data: list[msgspec.Raw]


class _Count(msgspec.Struct):
    input_tokens: int


class _Event(msgspec.Struct):
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Typed(msgspec.Struct):
    type: str


#: By the list that every answer has.
_ANSWERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    "choices": msgspec.json.Decoder(_Completion),
    "content": msgspec.json.Decoder(_Message),
    "output": msgspec.json.Decoder(_Response),
    "data": msgspec.json.Decoder(_Embeddings),
    "input_tokens": msgspec.json.Decoder(_Count),
}
#: What of these is no list.
_KINDS: Mapping[str, type] = {"input_tokens": int}
_EVENT = msgspec.json.Decoder(_Event)
_TYPED = msgspec.json.Decoder(_Typed)


class _ChatGuard:
    """A chat stream is whole with `[DONE]`, or when every choice has a reason."""

    def __init__(self, wire: Wire, choices: int) -> None:
        self._wire = wire
        self._missing = choices

    def check(self, payloads: list[bytes]) -> tuple[bool, GatewayError | None]:
        """Look at events; as the protocol says."""
        if not payloads:
            return False, None
        done = payloads[-1] == DONE
        if not _all_sound(payloads[:-1] if done else payloads):
            done, failure = self._check_each(payloads)
        else:
            failure = None
        self._missing -= _count_ends(payloads)
        return done, failure

    def finished(self) -> bool:
        """Returns: whether a stream that ends now is whole."""
        return self._missing <= 0

    def _check_each(self, payloads: list[bytes]) -> tuple[bool, GatewayError | None]:
        for index, payload in enumerate(payloads):
            if payload == DONE:
                del payloads[index + 1 :]
                return True, None
            try:
                sound = _sound(payload)
                event = _EVENT.decode(sound)
            except (msgspec.DecodeError, RecursionError, ValueError):
                del payloads[index:]
                return False, InvalidProviderResponse("the provider sent an event that is not a JSON object")
            if event.error is not msgspec.UNSET and (error := load_json(bytes(event.error).decode())):
                del payloads[index:]
                return False, self._wire.of_event(error)
            payloads[index] = sound.replace(b"\n", b" ")
        return False, None


class _EventGuard:
    """A stream of named events is whole with the one that ends it. ends, failures: types of events."""

    def __init__(self, wire: Wire, ends: frozenset[str], failures: frozenset[str]) -> None:
        self._wire = wire
        self._ends = ends
        self._failures = failures
        self._done = False

    def check(self, payloads: list[bytes]) -> tuple[bool, GatewayError | None]:
        """Look at events; as the protocol says."""
        kinds = self._kinds(payloads)
        for index, kind in enumerate(kinds):
            if kind in self._failures:
                failure = self._failure(payloads[index])
                del payloads[index:]
                return False, failure
            if kind in self._ends:
                self._done = True
                del payloads[index + 1 :]
                return True, None
        if len(kinds) < len(payloads):
            del payloads[len(kinds) :]
            return False, InvalidProviderResponse("the provider sent an event that is not a JSON object with a type")
        return False, None

    def finished(self) -> bool:
        """Returns: whether a stream that ends now is whole."""
        return self._done

    def _kinds(self, payloads: list[bytes]) -> list[str]:
        """Returns: the types of the events up to the first broken one, each made sound."""
        lines = b"\n".join(payloads)
        if lines.count(b"\n") == max(0, len(payloads) - 1) and valid_utf8(lines) is lines:
            try:
                return [event.type for event in _TYPED.decode_lines(lines)]
            except (msgspec.DecodeError, RecursionError):
                pass  # One of them is broken: which, and whether it can be repaired, is found one by one.
        kinds: list[str] = []
        payloads[:] = [payload for payload in payloads if payload != DONE]
        for index, payload in enumerate(payloads):
            try:
                payloads[index] = _sound(payload).replace(b"\n", b" ")
                kinds.append(_TYPED.decode(payloads[index]).type)
            except (msgspec.DecodeError, RecursionError, ValueError):
                break
        return kinds

    def _failure(self, payload: bytes) -> GatewayError:
        event = load_json(payload.decode())
        response = event.get("response")
        error = response.get("error") if isinstance(response, dict) else event.get("error")
        return self._wire.of_event(error or event)


def _all_sound(payloads: list[bytes]) -> bool:
    """Returns: whether all are JSON objects on one line each, and none is an error: one call instead of many."""
    lines = b"\n".join(payloads)
    if b'"error"' in lines or lines.count(b"\n") != max(0, len(payloads) - 1) or valid_utf8(lines) is not lines:
        return False
    try:
        return len(_EVENT.decode_lines(lines)) == len(payloads)
    except (msgspec.DecodeError, RecursionError):
        return False


def _sound(payload: bytes) -> bytes:
    """Returns: the event as every reader takes it. Raises: ValueError for what is no JSON."""
    text = valid_utf8(payload)
    try:
        _EVENT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode(load_json(text.decode()))
    return text


def _repaired(raw: bytes, wire: Wire, refused: Exception) -> bytes:
    """Write an answer anew whose text a strict reader does not take.

    refused: what the strict reader said. Returns: the answer. Raises: InvalidProviderResponse for anything else.
    """
    value = json_or(raw.decode())
    if not isinstance(value, dict) or not isinstance(value.get(wire.member), _KINDS.get(wire.member, list)):
        raise InvalidProviderResponse(f"the provider's answer is not a {wire.name} object") from refused
    return msgspec.json.encode(value)


def _count_ends(payloads: list[bytes]) -> int:
    """Returns: how many of the choices in these events have a finish reason. An empty one is none."""
    lines = b"\n".join(payloads)
    found = lines.count(b'"finish_reason"')
    # Nearly all events are written in one of two ways; only others cost a search with a pattern.
    usual = lines.count(b'"finish_reason":null') + lines.count(b'"finish_reason": null')
    if usual == found:
        return 0
    said = lines.count(b'"finish_reason":"') + lines.count(b'"finish_reason": "')
    if usual + said < found or b'_reason":""' in lines or b'_reason": ""' in lines:
        return len(_FINISH.findall(lines))
    return said


def _error_of_dialect_event(error: Any) -> GatewayError:
    """Returns: the error object of a stream event, as an error that a client sees."""
    failed = read_error(error)
    return of_provider(error_of(failed), failed.status, "", {})


OPENAI = Wire("completion", "choices", error_of_status, error_of_event, _ChatGuard)
ANTHROPIC = Wire(
    "message",
    "content",
    error_of_status,
    _error_of_dialect_event,
    lambda wire, _: _EventGuard(wire, frozenset({"message_stop"}), frozenset({"error"})),
)
RESPONSES = Wire(
    "response",
    "output",
    error_of_status,
    _error_of_dialect_event,
    lambda wire, _: _EventGuard(
        wire,
        frozenset({"response.completed", "response.incomplete"}),
        frozenset({"response.failed", "error"}),
    ),
)
EMBEDDINGS = replace(OPENAI, name="list of embeddings", member="data")
ANTHROPIC_COUNT = replace(ANTHROPIC, name="count", member="input_tokens")
RESPONSES_COUNT = replace(RESPONSES, name="count", member="input_tokens")
#: What servers of each dialect say.
WIRES: Mapping[Dialect, Wire] = {Dialect.CHAT: OPENAI, Dialect.MESSAGES: ANTHROPIC, Dialect.RESPONSES: RESPONSES}
