"""JSON lines on stderr: no bodies, prompts, header values or environment (GATEWAY 11)."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import msgspec

from mini_agent.core.redaction import Redactor

_ENCODE = msgspec.json.Encoder().encode
_REQUEST = {
    level: {"level": logging.getLevelName(level).lower(), "message": "request"}
    for level in (logging.INFO, logging.WARNING)
}


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


class RequestLines:
    """Writes one line per request to the streams of a logger, in the same form.

    It bypasses the logging machinery, which would take more time than the checks of the request. write_line takes only
    values of ours: route templates, groups, numbers, and ids that were redacted where a client chose them.
    """

    def __init__(self, log: logging.Logger, now: Callable[[], float]) -> None:
        self._log = log
        self._now = now
        self._streams = [handler.stream for handler in log.handlers if isinstance(handler, logging.StreamHandler)]
        self._pending: list[bytes] = []

    def write_line(self, level: int, facts: Mapping[str, Any]) -> None:
        """Write a line if the level is on, at the end of this turn of the loop. facts: harmless values by name."""
        if not self._log.isEnabledFor(level):
            return
        # Requests that end in the same turn of the loop share one write, which costs as much as all the rest.
        if not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append(_ENCODE({"ts": round(self._now(), 3), **_REQUEST[level], **facts}))

    def _flush(self) -> None:
        text = b"\n".join([*self._pending, b""]).decode()
        self._pending.clear()
        for stream in self._streams:
            stream.write(text)
            stream.flush()


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
