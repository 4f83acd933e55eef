"""A model client for callers of a dialect that its provider does not speak."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from mini_agent.core.chat import ModelTarget, ProviderRequest
from mini_agent.core.ports import Clock
from mini_agent.core.text import is_plain_id
from mini_agent.dialects import (
    CODECS,
    Dialect,
    Reply,
    Request,
    StreamTranslation,
    Translated,
    translate_answer,
    translate_request,
)
from mini_agent.upstreams.protocol import Around, Batch, ModelClient

#: Names what a translation dropped by a rule.
DROPPED_HEADER = b"x-mini-agent-dropped"
_MOST_NAMES = 50


class Interpreter:
    """Makes clients speak their callers' dialect. drop_unknown: whether parameters without a rule are dropped."""

    def __init__(self, clock: Clock, ids: Callable[[], str], *, drop_unknown: bool) -> None:
        self._clock = clock
        self._ids = ids
        self._drop_unknown = drop_unknown

    def client(self, client: ModelClient, target: ModelTarget, caller: Dialect) -> ModelClient:
        """Returns: a client that takes and gives the caller's dialect: the same one where the target speaks it."""
        if target.dialect == caller:
            return client
        return Speaking(client, self, caller, Dialect(target.dialect))

    def translate(self, request: ProviderRequest, caller: Dialect, provider: Dialect) -> Translated:
        """Put a request into the provider's words, and tell its caller what was dropped. Raises: GatewayError."""
        target = request.target
        translated = translate_request(
            {"model": target.name or target.model, **request.body},
            caller,
            provider,
            drop_unknown=self._drop_unknown,
            allowed=target.allowed,
            given=frozenset(target.defaults),
        )
        kept_back = [name for name in translated.body if name in target.dropped]
        for name in kept_back:
            del translated.body[name]
        dropped = [*translated.dropped, *kept_back]
        if dropped and request.on_response_headers is not None:
            request.on_response_headers([(DROPPED_HEADER, dropped_names(dropped))])
        return translated

    def own_reply(self, request: ProviderRequest, caller: Dialect) -> Reply:
        """Returns: what an answer that we write ourselves is made with. Raises: GatewayError for a malformed body."""
        body = {"model": request.target.name or request.target.model, **request.body}
        return self.reply(request, CODECS[caller].decode_request(body))

    def reply(self, request: ProviderRequest, read: Request) -> Reply:
        """Returns: what the answer for the caller is made with."""
        return Reply(id=self._ids(), created=int(self._clock.time()), request=read, body=request.body)


class Speaking(Around):
    """Asks `inner`, whose provider speaks another dialect than the caller."""

    def __init__(self, inner: ModelClient, interpreter: Interpreter, caller: Dialect, provider: Dialect) -> None:
        super().__init__(inner)
        self._interpreter = interpreter
        self._caller = caller
        self._provider = provider

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the answer in the caller's dialect. Raises: GatewayError."""
        translated = self._interpreter.translate(request, self._caller, self._provider)
        raw = await self._inner.complete(_outgoing(request, translated))
        return translate_answer(raw, self._caller, self._provider, self._interpreter.reply(request, translated.request))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Ask for a stream. Returns: its events in the caller's dialect. Raises: GatewayError."""
        translated = self._interpreter.translate(request, self._caller, self._provider)
        reply = self._interpreter.reply(request, translated.request)
        translation = StreamTranslation(self._caller, self._provider, reply)
        async with aclosing(self._inner.stream(_outgoing(request, translated))) as batches:
            async for batch in batches:
                payloads, failure = translation.feed(batch)
                if payloads:
                    yield payloads
                if failure is not None:
                    raise failure
        if payloads := translation.close():
            yield payloads


def dropped_names(names: Sequence[str]) -> bytes:
    """Returns: what was dropped as the value of a header."""
    plain = [name for name in names if name.isascii() and is_plain_id(name)]
    return ", ".join(plain[:_MOST_NAMES]).encode()


def _outgoing(request: ProviderRequest, translated: Translated) -> ProviderRequest:
    body: dict[str, Any] = {**request.target.defaults, **translated.body}
    del body["model"]
    return replace(request, body=body)
