"""A stream for a caller of Anthropic's Messages.

The order of the protocol: message start; for each block its start, deltas and stop; message delta with usage; message
stop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from mini_agent.dialects.answer import Closed, Delta, Event, Finished, Opened, Reply, Started, Usage
from mini_agent.dialects.anthropic_messages.answer import message_head, stop_of, thinking_block, write_usage
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.request import Reasoning, Refusal, ToolCall

_TEXT = ("text_delta", "text")
_JSON = ("input_json_delta", "partial_json")
_THINKING = ("thinking_delta", "thinking")


class _Block(msgspec.Struct):
    """An open block. head: the bytes of a delta up to its text. origin, texts: of a thought, so far."""

    head: bytes = b""
    origin: Dialect = Dialect.MESSAGES
    texts: list[str] | None = None


class StreamWriter:
    """Turns events into payloads: the data of server-sent events. One writer per stream."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._refused = False
        self._blocks: dict[int, _Block] = {}

    def write(self, events: Iterable[Event]) -> list[bytes]:
        """Returns: the payloads of these events."""
        payloads: list[bytes] = []
        for event in events:
            match event:
                case Delta():
                    block = self._blocks[event.index]
                    if block.texts is not None:
                        block.texts.append(event.text)
                    payloads.append(block.head + msgspec.json.encode(event.text) + b"}}")
                case Opened():
                    payloads.append(self._open(event))
                case Closed():
                    payloads += self._close(event)
                case Started():
                    payloads.append(self._start(event.model, event.usage))
                case Finished():
                    payloads += self._finish(event)
        return payloads

    def _start(self, model: str, usage: Usage) -> bytes:
        return msgspec.json.encode({"type": "message_start", "message": message_head(self._reply, model, usage)})

    def _open(self, event: Opened) -> bytes:
        part, index = event.part, event.index
        kind, opened = _TEXT, _Block()
        block: dict[str, Any] = {"type": "text", "text": ""}
        if isinstance(part, ToolCall):
            kind, block = _JSON, {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        elif isinstance(part, Reasoning) and part.origin is Dialect.MESSAGES and part.native is not None:
            # Nothing of it can be read: it is whole from the start.
            kind, block = _THINKING, thinking_block(part)
        elif isinstance(part, Reasoning):
            kind, block = _THINKING, {"type": "thinking", "thinking": "", "signature": ""}
            opened = _Block(origin=part.origin, texts=[])
        self._refused = self._refused or isinstance(part, Refusal)
        head = b'{"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
        opened.head = head % (index, kind[0].encode(), kind[1].encode())
        self._blocks[index] = opened
        return msgspec.json.encode({"type": "content_block_start", "index": index, "content_block": block})

    def _close(self, event: Closed) -> list[bytes]:
        block = self._blocks.pop(event.index)
        stop = msgspec.json.encode({"type": "content_block_stop", "index": event.index})
        if block.texts is None:
            return [stop]
        thought = Reasoning("".join(block.texts), block.origin, event.native)
        signature = thinking_block(thought).get("signature") or ""
        delta = {"type": "signature_delta", "signature": signature}
        return [msgspec.json.encode({"type": "content_block_delta", "index": event.index, "delta": delta}), stop]

    def _finish(self, event: Finished) -> list[bytes]:
        reason = "refusal" if self._refused else stop_of(event.finish)
        delta = {"stop_reason": reason, "stop_sequence": event.stop_sequence}
        return [
            msgspec.json.encode({"type": "message_delta", "delta": delta, "usage": write_usage(event.usage)}),
            msgspec.json.encode({"type": "message_stop"}),
        ]
