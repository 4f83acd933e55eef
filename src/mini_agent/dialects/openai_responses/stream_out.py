"""A stream for a caller of OpenAI's Responses, in the order of the protocol: created, in progress; for each item added,
its parts added, deltas and the whole of each, done; completed. Numbered without a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mini_agent.dialects.answer import Annotated, Closed, Delta, Event, Finished, Opened, Reply, Started
from mini_agent.dialects.errors import response_code
from mini_agent.dialects.logprobs import for_delta
from mini_agent.dialects.openai_responses.answer import cut_reason, item_of, response_head, write_usage
from mini_agent.dialects.request import Reasoning, Refusal, Text, ToolCall

__all__ = ["StreamWriter"]


class _Part(msgspec.Struct):
    """An open part. item: what was told of it. event: of its deltas. head: their bytes up to their text."""

    part: Any
    item: dict[str, Any]
    event: str
    place: dict[str, Any]
    head: bytes
    texts: list[str]
    notes: list[Mapping[str, Any]]
    logprobs: list[Mapping[str, Any]]


class StreamWriter:
    """Turns events into bytes for the wire. One writer per stream."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._number = 0
        self._model = ""
        self._parts: dict[int, _Part] = {}
        self._output: dict[int, dict[str, Any]] = {}

    def write(self, events: Iterable[Event]) -> bytes:
        """Returns: the frames of these events."""
        frames: list[bytes] = []
        for event in events:
            match event:
                case Delta():
                    frames.append(self._delta(event))
                case Opened():
                    frames += self._open(event)
                case Closed():
                    frames += self._close(event)
                case Annotated():
                    frames.append(self._annotate(event))
                case Started():
                    self._model = event.model
                    head = response_head(self._reply, self._model, "in_progress")
                    frames += [self._frame("response.created", response=head)]
                    frames += [self._frame("response.in_progress", response=head)]
                case Finished():
                    frames.append(self._finish(event))
        return b"".join(frames)

    def fail(self, envelope: Mapping[str, Any], status: int) -> bytes:
        """Returns: the end of a stream that failed. envelope, status: of the error, as in `encode_error`."""
        error = envelope["error"]
        told = {"code": error["code"], "message": error["message"], "param": error.get("param")}
        response = response_head(self._reply, self._model, "failed")
        response["output"] = [self._output[index] for index in sorted(self._output)]
        response["error"] = {"code": response_code(status), "message": error["message"]}
        return self._frame("error", **told) + self._frame("response.failed", response=response)

    def ping(self) -> bytes:
        """Returns: a sign of life; the protocol has none of its own."""
        return b": keep-alive\n\n"

    def _frame(self, kind: str, **members: Any) -> bytes:
        event = {"type": kind, "sequence_number": self._number, **members}
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"

    def _delta(self, event: Delta) -> bytes:
        part = self._parts[event.index]
        frames = b""
        if isinstance(part.part, Reasoning) and not part.texts:
            summary = {"type": "summary_text", "text": ""}
            frames = self._frame("response.reasoning_summary_part.added", **part.place, part=summary)
        part.texts.append(event.text)
        if event.logprobs:
            part.logprobs += event.logprobs
            logprobs = [for_delta(entry) for entry in event.logprobs]
            return frames + self._frame(f"{part.event}.delta", **part.place, delta=event.text, logprobs=logprobs)
        number, self._number = self._number, self._number + 1
        return frames + part.head + msgspec.json.encode(event.text) + b',"sequence_number":%d}\n\n' % number

    def _open(self, event: Opened) -> list[bytes]:
        part = event.part
        item = item_of(part, f"{self._reply.id}_{event.index}", "in_progress")
        place: dict[str, Any] = {"item_id": item["id"], "output_index": event.index}
        match part:
            case Text():
                kind, item["content"] = "response.output_text", []
                place["content_index"] = 0
            case Refusal():
                kind, item["content"] = "response.refusal", []
                place["content_index"] = 0
            case Reasoning():
                kind, item["status"] = "response.reasoning_summary_text", "in_progress"
                place["summary_index"] = 0
            case ToolCall():
                kind = "response.custom_tool_call_input" if part.custom else "response.function_call_arguments"
                item["input" if part.custom else "arguments"] = ""
        known = {"type": f"{kind}.delta", **place} | ({"logprobs": []} if isinstance(part, Text) else {})
        head = f"event: {kind}.delta\ndata: ".encode() + msgspec.json.encode(known)[:-1] + b',"delta":'
        self._parts[event.index] = _Part(part, item, kind, place, head, [], [], [])
        frames = [self._frame("response.output_item.added", output_index=event.index, item=item)]
        if "content_index" in place:
            empty = item_of(part, "", "in_progress")["content"][0]
            frames.append(self._frame("response.content_part.added", **place, part=empty))
        return frames

    def _annotate(self, event: Annotated) -> bytes:
        part = self._parts[event.index]
        part.notes.append(event.annotation)
        where = {**part.place, "annotation_index": len(part.notes) - 1}
        return self._frame("response.output_text.annotation.added", **where, annotation=event.annotation)

    def _close(self, event: Closed) -> list[bytes]:
        open_part = self._parts.pop(event.index)
        text, place, kind = "".join(open_part.texts), open_part.place, open_part.event
        whole: Text | Refusal | Reasoning | ToolCall
        frames: list[bytes] = []
        match open_part.part:
            case Text():
                whole = Text(text, None, tuple(open_part.notes), tuple(open_part.logprobs))
                logprobs = [for_delta(entry) for entry in open_part.logprobs]
                frames.append(self._frame(f"{kind}.done", **place, text=text, logprobs=logprobs))
            case Refusal():
                whole = Refusal(text)
                frames.append(self._frame(f"{kind}.done", **place, refusal=text))
            case Reasoning() as begun:
                whole = Reasoning(text, begun.origin, event.native or begun.native)
                if text:
                    frames.append(self._frame(f"{kind}.done", **place, text=text))
                    part = {"type": "summary_text", "text": text}
                    frames.append(self._frame("response.reasoning_summary_part.done", **place, part=part))
            case ToolCall() as begun:
                whole = ToolCall(begun.id, begun.name, text, begun.custom)
                told = {"input": text} if begun.custom else {"name": begun.name, "arguments": text or "{}"}
                frames.append(self._frame(f"{kind}.done", **place, **told))
        item = item_of(whole, f"{self._reply.id}_{event.index}", "completed")
        item["id"] = open_part.item["id"]
        if "content_index" in place:
            frames.append(self._frame("response.content_part.done", **place, part=item["content"][0]))
        self._output[event.index] = item
        frames.append(self._frame("response.output_item.done", output_index=event.index, item=item))
        return frames

    def _finish(self, event: Finished) -> bytes:
        cut = cut_reason(event.finish)
        status = "incomplete" if cut else "completed"
        response = response_head(self._reply, self._model, status)
        response["output"] = [self._output[index] for index in sorted(self._output)]
        response["usage"] = write_usage(event.usage)
        if cut:
            response["incomplete_details"] = {"reason": cut}
        return self._frame(f"response.{status}", response=response)
