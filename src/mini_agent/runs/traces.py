"""Storing agent runs: one JSON line each, redacted (GATEWAY.md 11)."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.agent.values import AgentResult
from mini_agent.core.ports import Clock
from mini_agent.core.redaction import Redactor
from mini_agent.runs.agent_body import AgentBody
from mini_agent.settings import Settings

__all__ = ["TraceStore", "trace_record"]

_PREVIEW_CHARACTERS = 200
#: What may quote a conversation or a tool.
_CONTENT_OF_RECORD = ("arguments_raw", "arguments", "result", "stdout", "stderr", "error")
_CONTENT_OF_BODY = ("messages", "final_answer", "final_answer_preview")


class TraceStore:
    """Appends to the file of the settings; without one, does nothing."""

    def __init__(self, settings: Settings, redactor: Redactor, clock: Clock, log: logging.Logger) -> None:
        self._path = settings.store_path if settings.store_traces else None
        self._content = settings.store_content
        self._redactor = redactor
        self._clock = clock
        self._log = log
        self._warned = False

    async def store(self, answer: Mapping[str, Any], result: AgentResult, body: AgentBody, request_id: str) -> None:
        """Store one run, off the event loop. A failure is warned about once and changes nothing else."""
        if self._path is None:
            return
        record = trace_record(answer, result, body, content=self._content)
        record |= {"ts": self._clock.time(), "request_id": request_id}
        line = msgspec.json.encode(self._redactor.json(record)) + b"\n"
        try:
            await asyncio.to_thread(_append, self._path, line)
        except OSError as error:
            if not self._warned:
                self._warned = True
                self._log.warning("traces cannot be stored", extra={"facts": {"reason": error.strerror or "unknown"}})


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
                "tools": bool(body.use_tools) or body.backend in ("http", "mcp"),
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


def _append(path: str, line: bytes) -> None:
    """Append under a file lock, so that lines of several processes never mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)
