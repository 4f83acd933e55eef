"""The two forms of a vector on the wire: numbers, and the base64 of 32-bit floats, little-endian."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence


def as_base64(vector: Sequence[float]) -> str:
    """Returns: a vector as OpenAI packs it. Raises: ValueError for what is none."""
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except struct.error as error:
        raise ValueError(str(error)) from error


def as_numbers(packed: str) -> list[float]:
    """Returns: a packed vector as numbers. Raises: ValueError for what is none."""
    raw = b64decode(packed, validate=True)
    if len(raw) % 4:
        raise ValueError("a packed vector has four bytes for each number")
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))
