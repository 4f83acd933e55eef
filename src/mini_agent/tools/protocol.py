"""The protocol of every tool backend, and what the backends share in reading calls and writing results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from mini_agent.agent.ports import ToolInvoker
from mini_agent.core.ports import Clock


class ClosableInvoker(ToolInvoker, Protocol):
    """A tool backend for one run: lists, calls, and lets go of what it opened."""

    async def aclose(self) -> None:
        """Release what was opened. Idempotent; a later call opens anew."""
        ...


def read_call(tool_call: Mapping[str, Any]) -> tuple[str, Any]:
    """Take an OpenAI tool call apart.

    Returns: the name, "" when there is none, and the arguments as the model sent them.
    """
    function = tool_call.get("function")
    if not isinstance(function, Mapping):
        return "", None
    name = function.get("name")
    return (name if isinstance(name, str) else ""), function.get("arguments")


def succeeded(name: str, **fields: Any) -> dict[str, Any]:
    """Returns: a result record with `ok` true."""
    return {"ok": True, "name": name, **fields}


def failed(name: str, error: str, **fields: Any) -> dict[str, Any]:
    """Returns: a result record with `ok` false and the reason."""
    return {"ok": False, "name": name, "error": error, **fields}


def capped(text: str, max_bytes: int) -> tuple[str, bool]:
    """Cut a text to a number of UTF-8 bytes.

    Returns: the text, and whether anything was cut off.
    """
    # Four bytes are the most a character takes, so most texts need no encoding to be known short enough.
    if len(text) * 4 <= max_bytes:
        return text, False
    data = text.encode("utf-8", "replace")
    if len(data) <= max_bytes:
        return text, False
    return data[:max_bytes].decode("utf-8", "ignore"), True


def ms_since(clock: Clock, started: float) -> float:
    """Returns: the milliseconds since a reading of the monotonic clock, for `t_ms`."""
    return round((clock.monotonic() - started) * 1000, 3)


def dump(record: Mapping[str, Any]) -> str:
    """Returns: a record as the JSON text that a `call` answers."""
    return json.dumps(record)
