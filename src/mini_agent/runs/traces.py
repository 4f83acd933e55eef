"""Storing agent runs: one JSON line each, redacted (GATEWAY 11)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mini_agent.agent.values import AgentResult
from mini_agent.core.ports import Clock
from mini_agent.core.redaction import Redactor
from mini_agent.runs.agent_body import AgentBody
from mini_agent.runs.trace_writer import TraceWriter
from mini_agent.settings import Settings

_PREVIEW_CHARACTERS = 200
#: What may quote a conversation or a tool.
_CONTENT_OF_RECORD = ("arguments_raw", "arguments", "result", "stdout", "stderr", "error")
_CONTENT_OF_BODY = ("messages", "final_answer", "final_answer_preview")


class TraceStore:
    """Appends to the file of the settings; without one, does nothing.

    on_drop: called for each trace that is lost because the disk is slow.
    """

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        clock: Clock,
        log: logging.Logger,
        on_drop: Callable[[], None] = lambda: None,
    ) -> None:
        self._content = settings.store_content
        self._redactor = redactor
        self._clock = clock
        self._log = log
        self._warned: set[str] = set()
        self._on_drop = on_drop
        path = settings.store_path if settings.store_traces else None
        self._writer = None
        if path is not None:
            held, dropped, failed = settings.trace_bytes, self._dropped, self._failed
            self._writer = TraceWriter(path, self._line, held_bytes=held, on_drop=dropped, on_failure=failed)

    def store(self, answer: Mapping[str, Any], result: AgentResult, body: AgentBody, request_id: str) -> None:
        """Hand one run over to the disk. No failure of the disk is the answer's, nor any of its time."""
        if self._writer is None:
            return
        record = trace_record(answer, result, body, content=self._content)
        record |= {"ts": self._clock.time(), "request_id": request_id}
        self._writer.put(msgspec.json.encode(record))

    async def aclose(self) -> None:
        """Let what waits be written, for a moment."""
        if self._writer is not None:
            await self._writer.aclose()

    def _line(self, record: bytes) -> bytes:
        """Returns: the record as a line without secrets. Runs in the writer's thread: patterns take their time."""
        return msgspec.json.encode(self._redactor.json(msgspec.json.decode(record))) + b"\n"

    def _dropped(self) -> None:
        self._on_drop()
        self._warn("traces are dropped: the disk is slower than the runs", "mini_agent_traces_dropped_total counts")

    def _failed(self, error: OSError) -> None:
        self._warn("traces cannot be stored", error.strerror or "unknown")

    def _warn(self, message: str, reason: str) -> None:
        """Warn once of each kind."""
        if message not in self._warned:
            self._warned.add(message)
            self._log.warning(message, extra={"facts": {"reason": reason}})


def trace_record(answer: Mapping[str, Any], result: AgentResult, body: AgentBody, *, content: bool) -> dict[str, Any]:
    """Build the record of one run, before redaction. content: False drops what quotes conversation or tools.

    Returns: the response body and the facts about the run.
    """
    iterations = [turn.as_dict() for turn in result.iterations]
    final = answer.get("final_answer")
    record = {
        **answer,
        "model": body.model,
        "tool_backend": body.backend,
        "final_answer_preview": final[:_PREVIEW_CHARACTERS] if isinstance(final, str) else None,
        "iterations": iterations,
        "trace": {
            "request_class": {
                "tools": body.uses_tools,
                "auto_code": bool(body.auto_run_code_on_code_block),
                "images": _has_images(body.messages),
            },
            "iterations": len(iterations),
        },
    }
    if not content:
        for name in _CONTENT_OF_BODY:
            record.pop(name, None)
        record["iterations"] = [
            {**turn, "tool_invocations": [_bare(item) for item in turn["tool_invocations"]]} for turn in iterations
        ]
        if "last_tool_invocation" in record:
            record["last_tool_invocation"] = _bare(record["last_tool_invocation"])
    return record


def _bare(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _CONTENT_OF_RECORD}


def _has_images(messages: list[dict[str, Any]]) -> bool:
    parts = (part for message in messages if isinstance(message.get("content"), list) for part in message["content"])
    return any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)
