"""The conversation between a model and the gateway's tools, and what the client sees of each of its turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.agent.fragments import CollectedCall, ToolFragments
from mini_agent.agent.tool_values import parse_arguments
from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.dialects.openai_chat.thoughts import ThoughtPieces
from mini_agent.upstreams.protocol import Batch, decode_answer

__all__ = ["Conversation", "Turn", "first_choice", "message_of"]

_USAGE = ("prompt_tokens", "completion_tokens", "total_tokens")


def first_choice(completion: Any) -> dict[str, Any]:
    """Returns: the first choice of a completion or chunk, empty when there is none."""
    choices = completion.get("choices") if isinstance(completion, Mapping) else None
    return choices[0] if choices and isinstance(choices, list) and isinstance(choices[0], dict) else {}


def message_of(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: the message of a choice, empty when it is no object."""
    message = choice.get("message")
    return message if isinstance(message, dict) else {}


class Conversation:
    """The messages so far, and what all turns together have used."""

    def __init__(self, request: ProviderRequest, specs: Sequence[dict[str, Any]]) -> None:
        self._request = request
        self._specs = list(specs)
        self._messages = list(request.body["messages"])
        self._headers: list[tuple[bytes, bytes]] = []
        self._passed_on = False
        self.usage: dict[str, int] = {}
        self.turns = 0

    def request(self) -> ProviderRequest:
        """Returns: the request of the next turn."""
        self.turns += 1
        body = {**self._request.body, "messages": list(self._messages)}
        if self._specs:
            body["tools"] = self._specs
        return replace(self._request, body=body, on_response_headers=self._keep_headers)

    def pass_headers_on(self) -> None:
        """Pass on the headers of the newest answer, once: before anything is sent."""
        if not self._passed_on and self._request.on_response_headers is not None:
            self._request.on_response_headers(self._headers)
        self._passed_on = True

    def add_usage(self, usage: object) -> None:
        """Count what one turn has used."""
        self.usage = _sum(self.usage, usage)

    def add_calls(
        self,
        content: Any,
        calls: Sequence[CollectedCall],
        replies: Sequence[str],
        thought: Mapping[str, Any],
    ) -> None:
        """Put the calls of a turn and their replies into the conversation. thought: the members that hold it."""
        said = {"role": "assistant", "content": content, **thought}
        self._messages.append({**said, "tool_calls": [_wire(call) for call in calls]})
        for call, text in zip(calls, replies, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call.id, "content": text})

    def closing(self, completion: dict[str, Any], *, cut: bool) -> bytes:
        """Returns: the last completion with the usage of all turns; cut: without its calls, as cut off."""
        usage = completion.get("usage")
        if self.usage:
            completion["usage"] = {**(usage if isinstance(usage, dict) else {}), **self.usage}
        if cut:
            choice = first_choice(completion)
            choice["finish_reason"] = "length"
            choice["message"] = {key: value for key, value in message_of(choice).items() if key != "tool_calls"}
        return msgspec.json.encode(completion)

    def _keep_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._headers = list(headers)


class Turn:
    """One streamed turn. earlier: what the turns before it have used."""

    def __init__(self, earlier: Mapping[str, int]) -> None:
        self._earlier = dict(earlier)
        self._head: dict[str, Any] = {}
        self._texts: list[str] = []
        self._thought = ThoughtPieces()
        self.fragments = ToolFragments()
        self.usage: dict[str, Any] | None = None
        self.finished = False

    @property
    def content(self) -> str | None:
        """Returns: the text beside the calls."""
        return "".join(self._texts) or None

    @property
    def thought(self) -> Mapping[str, Any]:
        """Returns: the members of a message that hold what the model thought."""
        return self._thought.native() or {}

    def visible(self, batch: Batch) -> list[bytes]:
        """Take the chunks that arrived. Returns: those that the client sees, as it sees them."""
        return [shown for payload in batch if (shown := self._shown(payload)) is not None]

    def closing(self, usage: Mapping[str, int]) -> list[bytes]:
        """Returns: the end of a stream whose last turn still called tools."""
        finish = {"index": 0, "delta": {}, "finish_reason": "length"}
        chunks: list[dict[str, Any]] = [{**self._head, "choices": [finish]}]
        if self.usage is not None:
            chunks.append({**self._head, "choices": [], "usage": dict(usage)})
        return [msgspec.json.encode(chunk) for chunk in chunks]

    def _shown(self, payload: bytes) -> bytes | None:
        if payload == DONE:
            return None
        chunk = decode_answer(payload)
        if not isinstance(chunk, dict):
            return payload
        self._head = {key: value for key, value in chunk.items() if key not in ("choices", "usage")}
        choice = first_choice(chunk)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self.fragments.add(delta.get("tool_calls"))
            blocks = delta.get("thinking_blocks")
            self._thought.add(delta, blocks if isinstance(blocks, list) else None)
            if isinstance(text := delta.get("content"), str):
                self._texts.append(text)
        self.finished = self.finished or bool(choice.get("finish_reason"))
        usage = chunk.get("usage")
        self.usage = usage if isinstance(usage, dict) else self.usage
        if self.fragments:
            return _without_calls(chunk, choice)
        return self._with_earlier(chunk) if self._earlier and isinstance(usage, dict) else payload

    def _with_earlier(self, chunk: dict[str, Any]) -> bytes:
        usage = chunk["usage"]
        return msgspec.json.encode({**chunk, "usage": {**usage, **_sum(self._earlier, usage)}})


def _sum(earlier: Mapping[str, int], usage: object) -> dict[str, int]:
    """Returns: the counts of both."""
    counts = dict(earlier)
    for name in _USAGE:
        count = usage.get(name) if isinstance(usage, Mapping) else None
        if isinstance(count, int):
            counts[name] = counts.get(name, 0) + count
    return counts


def _without_calls(chunk: dict[str, Any], choice: dict[str, Any]) -> bytes | None:
    """Returns: what is left of a chunk of a turn that does not end the stream, None when nothing is."""
    delta = choice.get("delta")
    left = {key: value for key, value in (delta or {}).items() if key != "tool_calls"}
    if not any(value not in (None, "") for value in left.values()):
        return None
    kept = {**choice, "delta": left, "finish_reason": None}
    return msgspec.json.encode({**{key: value for key, value in chunk.items() if key != "usage"}, "choices": [kept]})


def _wire(call: CollectedCall) -> dict[str, Any]:
    # Broken arguments would make some providers refuse the whole conversation; the reply says what was wrong.
    arguments = call.arguments if parse_arguments(call.arguments) is not None else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
