"""Answers from a script: dummy models and the echo shim (GATEWAY 7.7). No network, no key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import msgspec

from mini_agent.core.chat import DONE, ProviderRequest, text_of
from mini_agent.core.patterns import Pattern
from mini_agent.core.ports import Clock
from mini_agent.dialects.completion import completion_object, stream_chunks
from mini_agent.upstreams.protocol import Batch, Capabilities

_GREETING = Pattern(r"\b(?:hello|hi)\b", ignore_case=True)


def is_dummy_model(model: str) -> bool:
    """Returns: whether the name is `dummy`, `noop`, `dummy-…` or `noop-…`."""
    return model in ("dummy", "noop") or model.startswith(("dummy-", "noop-"))


def last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """Returns: the text of the newest user message, its text parts joined by a space; empty without one."""
    newest: Mapping[str, Any] = next((message for message in reversed(messages) if message.get("role") == "user"), {})
    return text_of(newest.get("content"))


def dummy_reply(messages: Sequence[Mapping[str, Any]]) -> str:
    """Returns: the canned answer of a dummy model to the last user text."""
    text = last_user_text(messages)
    lowered = text.lower()
    if "capital" in lowered and "france" in lowered:
        return "Paris"
    return "hello" if _GREETING.search(text) else "ok"


def wants_usage(body: Mapping[str, Any]) -> bool:
    """Returns: whether the client asked for the usage chunk of a stream."""
    options = body.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


class ScriptedClient:
    """Answers every request with `reply(messages)`. prefix: of the completion id. ids: source of unique text."""

    name = "scripted"
    capabilities = Capabilities(simulated=True)

    def __init__(
        self,
        clock: Clock,
        ids: Callable[[], str],
        *,
        reply: Callable[[Sequence[Mapping[str, Any]]], str] = dummy_reply,
        prefix: str = "chatcmpl",
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._reply = reply
        self._prefix = prefix

    async def complete(self, request: ProviderRequest) -> bytes:
        """Returns: the canned completion."""
        return msgspec.json.encode(self._completion(request))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Returns: the canned completion as a stream."""
        for chunk in stream_chunks(self._completion(request), include_usage=wants_usage(request.body)):
            yield [msgspec.json.encode(chunk)]
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free."""

    def _completion(self, request: ProviderRequest) -> dict[str, Any]:
        message = {"role": "assistant", "content": self._reply(request.body["messages"])}
        return completion_object(
            completion_id=f"{self._prefix}-{self._ids()}",
            created=int(self._clock.time()),
            model=request.target.model,
            message=message,
        )
