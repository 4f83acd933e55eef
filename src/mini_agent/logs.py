"""JSON lines on stderr: no bodies, prompts, header values or environment (GATEWAY.md 11)."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, TextIO

import msgspec

from mini_agent.model.redaction import Redactor

__all__ = ["JsonLines", "new_logger"]


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, message, and the facts passed as `extra={"facts": {...}}`."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Returns: the line, redacted."""
        line: dict[str, Any] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "message": self._redactor.text(record.getMessage()),
        }
        facts = getattr(record, "facts", None)
        if isinstance(facts, dict):
            cleaned = self._redactor.json(facts)
            line.update(cleaned if isinstance(cleaned, dict) else {})
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = self._redactor.text(_outline(record.exc_info[1]))
        return msgspec.json.encode(line).decode()


def _outline(error: BaseException) -> str:
    """Where an error arose: type and frames. Its text may quote a prompt, so it stays out."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = " < ".join(f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in frames[::-1])
    return f"{type(error).__name__}: {places}"


def new_logger(level: str, redactor: Redactor, stream: TextIO | None = None) -> logging.Logger:
    """Build a logger that belongs to one app and is not in the process-wide table.

    level: name of the lowest level. stream: where lines go, stderr by default.
    Returns: the logger.
    """
    log = logging.Logger("mini_agent", level.upper())
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonLines(redactor))
    log.addHandler(handler)
    log.propagate = False
    return log
