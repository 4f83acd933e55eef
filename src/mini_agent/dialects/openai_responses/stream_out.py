"""A stream for a caller of OpenAI's Responses.

The order of the protocol: created, in progress; for each item added, its parts added, deltas and the whole of each,
done; completed. Numbered without a gap.
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


class _Told(msgspec.Struct):
    sequence_number: int = 0
    response: dict[str, Any] | None = None


_TOLD = msgspec.json.Decoder(_Told)


class _Part(msgspec.Struct):
    """An open part. item: what was sent of it. event: of its deltas. head: their bytes up to their text."""

    part: Any
    item: dict[str, Any]
    event: str
    place: dict[str, Any]
    head: bytes
    texts: list[str]
    notes: list[Mapping[str, Any]]
    logprobs: list[Mapping[str, Any]]


class StreamWriter:
    """Turns events into payloads: the data of server-sent events. One writer per stream."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._number = 0
        self._model = ""
        self._parts: dict[int, _Part] = {}
        self._output: dict[int, dict[str, Any]] = {}

    def write(self, events: Iterable[Event]) -> list[bytes]:
        """Returns: the payloads of these events."""
        payloads: list[bytes] = []
        for event in events:
            match event:
                case Delta():
                    payloads += self._delta(event)
                case Opened():
                    payloads += self._open(event)
                case Closed():
                    payloads += self._close(event)
                case Annotated():
                    payloads.append(self._annotate(event))
                case Started():
                    self._model = event.model
                    head = response_head(self._reply, self._model, "in_progress")
                    payloads.append(self._event("response.created", response=head))
                    payloads.append(self._event("response.in_progress", response=head))
                case Finished():
                    payloads.append(self._finish(event))
        return payloads

    def _event(self, kind: str, **members: Any) -> bytes:
        event = {"type": kind, "sequence_number": self._number, **members}
        self._number += 1
        return msgspec.json.encode(event)

    def _delta(self, event: Delta) -> list[bytes]:
        part = self._parts[event.index]
        payloads: list[bytes] = []
        if isinstance(part.part, Reasoning) and not part.texts:
            summary = {"type": "summary_text", "text": ""}
            payloads.append(self._event("response.reasoning_summary_part.added", **part.place, part=summary))
        part.texts.append(event.text)
        if event.logprobs:
            part.logprobs += event.logprobs
            logprobs = [for_delta(entry) for entry in event.logprobs]
            return [*payloads, self._event(f"{part.event}.delta", **part.place, delta=event.text, logprobs=logprobs)]
        number, self._number = self._number, self._number + 1
        return [*payloads, part.head + msgspec.json.encode(event.text) + b',"sequence_number":%d}' % number]

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
        head = msgspec.json.encode(known)[:-1] + b',"delta":'
        self._parts[event.index] = _Part(part, item, kind, place, head, [], [], [])
        payloads = [self._event("response.output_item.added", output_index=event.index, item=item)]
        if "content_index" in place:
            empty = item_of(part, "", "in_progress")["content"][0]
            payloads.append(self._event("response.content_part.added", **place, part=empty))
        return payloads

    def _annotate(self, event: Annotated) -> bytes:
        part = self._parts[event.index]
        part.notes.append(event.annotation)
        where = {**part.place, "annotation_index": len(part.notes) - 1}
        return self._event("response.output_text.annotation.added", **where, annotation=event.annotation)

    def _close(self, event: Closed) -> list[bytes]:
        open_part = self._parts.pop(event.index)
        text, place, kind = "".join(open_part.texts), open_part.place, open_part.event
        whole: Text | Refusal | Reasoning | ToolCall
        payloads: list[bytes] = []
        match open_part.part:
            case Text():
                whole = Text(text, None, tuple(open_part.notes), tuple(open_part.logprobs))
                logprobs = [for_delta(entry) for entry in open_part.logprobs]
                payloads.append(self._event(f"{kind}.done", **place, text=text, logprobs=logprobs))
            case Refusal():
                whole = Refusal(text)
                payloads.append(self._event(f"{kind}.done", **place, refusal=text))
            case Reasoning() as begun:
                whole = Reasoning(text, begun.origin, event.native or begun.native)
                if text:
                    payloads.append(self._event(f"{kind}.done", **place, text=text))
                    part = {"type": "summary_text", "text": text}
                    payloads.append(self._event("response.reasoning_summary_part.done", **place, part=part))
            case ToolCall() as begun:
                whole = ToolCall(begun.id, begun.name, text, begun.custom)
                fields = {"input": text} if begun.custom else {"name": begun.name, "arguments": text or "{}"}
                payloads.append(self._event(f"{kind}.done", **place, **fields))
        item = item_of(whole, f"{self._reply.id}_{event.index}", "completed")
        item["id"] = open_part.item["id"]
        if "content_index" in place:
            payloads.append(self._event("response.content_part.done", **place, part=item["content"][0]))
        self._output[event.index] = item
        payloads.append(self._event("response.output_item.done", output_index=event.index, item=item))
        return payloads

    def _finish(self, event: Finished) -> bytes:
        cut = cut_reason(event.finish)
        status = "incomplete" if cut else "completed"
        response = response_head(self._reply, self._model, status)
        response["output"] = [self._output[index] for index in sorted(self._output)]
        response["usage"] = write_usage(event.usage)
        if cut:
            response["incomplete_details"] = {"reason": cut}
        return self._event(f"response.{status}", response=response)


def failure(envelope: Mapping[str, Any], status: int, first: bytes, last: bytes) -> list[bytes]:
    """Write the end of a stream that failed, whoever wrote it so far.

    envelope, status: of the error, as in `encode_error`. first, last: payloads already sent.
    Returns: an error event and the failed response, numbered on.
    """
    begun = _TOLD.decode(first)
    number = _TOLD.decode(last).sequence_number + 1
    error = envelope["error"]
    fields = {"code": error["code"], "message": error["message"], "param": error.get("param")}
    failed = {"status": "failed", "error": {"code": response_code(status), "message": error["message"]}}
    events: list[dict[str, Any]] = [{"type": "error", "sequence_number": number, **fields}]
    response = {**(begun.response or {}), **failed}
    events.append({"type": "response.failed", "sequence_number": number + 1, "response": response})
    return [msgspec.json.encode(event) for event in events]
