"""Talks to a real model, through a gateway or at its own address, and shows what it answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from greenlane.plugin.answers import Show
from support.http_client import HttpClient, Reply, events_of

GROUP = "nd-model"
"""The group of the lane's gateway (`tests/smoke_nd/real_model.yaml`)."""

WRITER = "nd-writer"
"""The same model, whose answers are short enough for an agent of several turns."""

TOKENS = 24
"""Tokens of an answer, unless a test asks for more: enough to differ, and 0.2 s on one core."""


@dataclass(frozen=True)
class Said:
    """One answer, plain or streamed.

    Attributes:
        text: all of it; finish: why it ended; usage: tokens by kind, empty when none were told.
        model, request: name and id that it carries; chunks: events of a stream, 0 for a plain answer.
    """

    text: str
    finish: str
    usage: Mapping[str, Any]
    model: str
    request: str
    chunks: int = 0

    @property
    def tokens(self) -> int:
        """Tokens that the answer cost."""
        return int(self.usage.get("completion_tokens", 0))


def said(reply: Reply) -> Said:
    """Return a plain answer.

    Raises:
        AssertionError: it is none.
    """
    assert reply.status == 200, reply.body[:400]
    body = reply.json()
    choice = body["choices"][0]
    return Said(choice["message"]["content"], choice["finish_reason"], body["usage"], body["model"], body["id"])


def streamed(reply: Reply) -> Said:
    """Return a streamed answer.

    Raises:
        AssertionError: it is none, or has no proper end.
    """
    assert reply.status == 200, reply.body[:400]
    *events, done = events_of(reply.body)
    assert done == "[DONE]"
    choices = [event["choices"][0] for event in events if event["choices"]]
    usage: dict[str, Any] = next((event["usage"] for event in events if event.get("usage")), {})
    finish = next(choice["finish_reason"] for choice in choices if choice.get("finish_reason"))
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    return Said(text, finish, usage, events[0]["model"], events[0]["id"], len(events))


class RealModel:
    """The model of the nd lane.

    Args:
        gateway: through which it is asked.
        base: its own address, with `/v1`.
        show: records an answer as evidence.
    """

    def __init__(self, gateway: HttpClient, base: str, show: Show) -> None:
        self.gateway = gateway
        self._show = show
        parts = urlsplit(base)
        self.direct = HttpClient(parts.hostname or "", parts.port or 80)

    def ask(self, prompt: str, *, stream: bool = False, **more: Any) -> Said:
        """Ask one question through the gateway, show the answer, and return it."""
        options: dict[str, Any] = {"max_tokens": TOKENS, **more}
        if stream:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        reply = self.gateway.chat(prompt, model=GROUP, **options)
        return self.show(prompt, streamed(reply) if stream else said(reply))

    def talk(self, messages: list[dict[str, str]], **more: Any) -> Said:
        """Say the next word of a conversation, show the answer, and return it."""
        body = {"model": GROUP, "messages": messages, "max_tokens": TOKENS, **more}
        return self.show(json.dumps(messages), said(self.gateway.post("/v1/chat/completions", body)))

    def itself(self, prompt: str, name: str, **more: Any) -> Said:
        """Ask the model without a gateway between."""
        return said(self.direct.chat(prompt, model=name, **{"max_tokens": TOKENS, **more}))

    def show(self, prompt: str, answer: Said) -> Said:
        """Record an answer as evidence, and return it."""
        self._show(prompt, answer.text, model=answer.model, tokens=answer.tokens, request=answer.request)
        return answer
