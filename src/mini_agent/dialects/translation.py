"""From a caller of one dialect to a provider of another, and back. Pure: bytes and values in, bytes and values out.

For a pair of equals there is nothing to do here: their bytes pass. What follows works for equals too, and keeps what
it knows, for whoever must look into a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from mini_agent.core.errors import GatewayError
from mini_agent.dialects import anthropic_messages, openai_chat, openai_responses
from mini_agent.dialects.answer import Answer, Event, Failed, Reply
from mini_agent.dialects.errors import error_of
from mini_agent.dialects.members import unread
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.parameters import Losses
from mini_agent.dialects.request import Message, Request, Tool


class Reader(Protocol):
    """Reads one stream of a provider."""

    def feed(self, payload: bytes) -> list[Event]:
        """Take the data of one server-sent event.

        Returns: what it means. Raises: InvalidProviderResponse when it is no event of the protocol.
        """

    def close(self) -> list[Event]:
        """Take note that the stream has ended.

        Returns: the events still missing. Raises: InvalidProviderResponse when it ended before its answer did.
        """


class Writer(Protocol):
    """Writes one stream for a caller."""

    def write(self, events: Iterable[Event]) -> list[bytes]:
        """Returns: the payloads of these events."""


class Codec(Protocol):
    """One dialect."""

    def decode_request(self, body: Mapping[str, Any]) -> Request:
        """Read a caller's decoded body.

        Returns: the request; equal bodies give equal requests.
        Raises: MissingParameter, InvalidParameter; both name the parameter.
        """

    def encode_request(self, request: Request, losses: Losses) -> dict[str, Any]:
        """Write a body for a provider. losses: takes note of what is dropped.

        Raises: UnsupportedParameter for what the protocol cannot express.
        """

    def encode_messages(self, messages: Sequence[Message], losses: Losses) -> list[dict[str, Any]]:
        """Write turns as they stand in a body. Raises: UnsupportedParameter."""

    def encode_tool(self, tool: Tool, losses: Losses) -> dict[str, Any]:
        """Write a tool for a provider. Raises: UnsupportedParameter."""

    def decode_answer(self, raw: bytes) -> Answer:
        """Read a provider's answer. Raises: GatewayError."""

    def encode_answer(self, answer: Answer, reply: Reply) -> dict[str, Any]:
        """Write an answer for a caller."""

    def StreamReader(self) -> Reader:
        """Returns: a reader of one stream."""

    def StreamWriter(self, reply: Reply) -> Writer:
        """Returns: a writer of one stream."""


CODECS: Mapping[Dialect, Codec] = {
    Dialect.CHAT: openai_chat,
    Dialect.MESSAGES: anthropic_messages,
    Dialect.RESPONSES: openai_responses,
}


class Translated(NamedTuple):
    """A request in a provider's words. request: the caller's, read. dropped: what a rule dropped, in its words."""

    request: Request
    body: dict[str, Any]
    dropped: tuple[str, ...]


def translate_request(
    body: Mapping[str, Any],
    caller: Dialect,
    provider: Dialect,
    *,
    drop_unknown: bool = False,
    allowed: frozenset[str] = frozenset(),
    given: frozenset[str] = frozenset(),
) -> Translated:
    """Put a caller's body into a provider's words.

    drop_unknown: whether parameters without a rule are dropped instead of refused. allowed: names that pass as they
    are. given: parameters that the provider gets from somebody else, where the caller says nothing of them.

    Raises: MissingParameter, InvalidParameter for what the caller's dialect does not allow; UnsupportedParameter for
    what the provider's cannot express. All name the parameter.
    """
    losses = Losses(caller, provider, drop_unknown=drop_unknown, allowed=allowed, given=given)
    request = CODECS[caller].decode_request(body)
    if caller is not provider:
        for name in unread(body, caller):
            losses.drop(name)
    written = CODECS[provider].encode_request(request, losses)
    return Translated(request, written, losses.dropped)


def translate_answer(raw: bytes, caller: Dialect, provider: Dialect, reply: Reply) -> bytes:
    """Put a provider's whole answer into a caller's words. Returns: its JSON. Raises: GatewayError."""
    answer = CODECS[provider].decode_answer(raw)
    return msgspec.json.encode(CODECS[caller].encode_answer(answer, reply))


class StreamTranslation:
    """Puts a provider's stream into a caller's words, event by event; nothing of the content is held back."""

    def __init__(self, caller: Dialect, provider: Dialect, reply: Reply) -> None:
        self._reader = CODECS[provider].StreamReader()
        self._writer = CODECS[caller].StreamWriter(reply)

    def feed(self, payloads: Iterable[bytes]) -> tuple[list[bytes], GatewayError | None]:
        """Take the data of the provider's server-sent events that arrived together.

        Returns: the data of those for the caller, perhaps none, and the failure that comes after them.
        """
        events: list[Event] = []
        failure: GatewayError | None = None
        try:
            for payload in payloads:
                events += self._reader.feed(payload)
        except GatewayError as error:
            failure = error
        if events and isinstance(failed := events[-1], Failed):
            events.pop()
            failure = error_of(failed)
        return self._writer.write(events), failure

    def close(self) -> list[bytes]:
        """The provider's stream has ended. Returns: the last payloads. Raises: GatewayError, when it is not whole."""
        return self._writer.write(self._reader.close())
