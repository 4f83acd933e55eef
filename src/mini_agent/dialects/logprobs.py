"""Log-probabilities of tokens: chat and Responses write the same facts, but not the same members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def for_chat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: an entry as chat writes it: `bytes` may be null, and is never left out."""
    top = [{"bytes": None, **other} for other in entry.get("top_logprobs") or ()]
    return {"bytes": None, **entry, "top_logprobs": top}


def for_text(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: an entry of a whole text of Responses: `bytes` is always there."""
    top = [_with_bytes(other) for other in entry.get("top_logprobs") or ()]
    return {**_with_bytes(entry), "top_logprobs": top}


def for_delta(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: an entry of an event of Responses: without `bytes`."""
    top = [_pair(other) for other in entry.get("top_logprobs") or ()]
    return {**_pair(entry), "top_logprobs": top}


def _pair(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"token": entry.get("token", ""), "logprob": entry.get("logprob", 0.0)}


def _with_bytes(entry: Mapping[str, Any]) -> dict[str, Any]:
    octets = entry.get("bytes")
    return {**_pair(entry), "bytes": list(_pair(entry)["token"].encode()) if octets is None else octets}
