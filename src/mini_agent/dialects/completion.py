"""Builders of OpenAI completion objects and stream chunks, for answers that we write ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ZERO_USAGE: Mapping[str, int] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def completion_object(
    *,
    completion_id: str,
    created: int,
    model: str,
    message: Mapping[str, Any],
    finish_reason: str = "stop",
    usage: Mapping[str, Any] = ZERO_USAGE,
) -> dict[str, Any]:
    """Returns: a `chat.completion` with one choice. created: seconds since the epoch."""
    choice = {"index": 0, "message": dict(message), "finish_reason": finish_reason}
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": dict(usage),
    }


def stream_chunks(completion: Mapping[str, Any], *, include_usage: bool = False) -> list[dict[str, Any]]:
    """Cut a finished completion into the chunks of a regular stream.

    include_usage: whether the client asked for the closing usage chunk.
    Returns: role chunk, content or tool calls where there are any, finish chunk, usage chunk if asked for.
    """
    head = {key: completion[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    choice = completion["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if message.get("content"):
        deltas.append({"content": message["content"]})
    if calls := message.get("tool_calls"):
        deltas.append({"tool_calls": [{"index": index, **call} for index, call in enumerate(calls)]})
    # The last delta may carry fields of the message that are not part of the protocol.
    extra = {key: message[key] for key in ("additional_kwargs",) if key in message}
    finish = {"index": 0, "delta": extra, "finish_reason": choice["finish_reason"]}
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [finish]})
    if include_usage:
        chunks.append({**head, "choices": [], "usage": completion["usage"]})
    return chunks
