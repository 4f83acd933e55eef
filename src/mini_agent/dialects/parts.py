"""Parts of a caller's message, read by the type that each names; the same words mean the same in several dialects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mini_agent.dialects.marks import read_cache
from mini_agent.dialects.names import Dialect
from mini_agent.dialects.reading import read_objects, read_text
from mini_agent.dialects.request import Opaque, Part, Refusal, Text

#: How a part is read, by its type. Each takes the part and its place, and raises what tells a caller what is wrong.
PartReaders = Mapping[str, Callable[[Mapping[str, Any], str], Part]]


def read_parts(content: object, where: str, dialect: Dialect, readers: PartReaders) -> tuple[Part, ...]:
    """Read content that is a text or a list of parts. Returns: the parts. Raises: InvalidParameter."""
    if isinstance(content, str):
        return (Text(content),)
    parts = read_objects(content, where)
    return tuple(read_part(part, f"{where}[{index}]", dialect, readers) for index, part in enumerate(parts))


def read_part(part: Mapping[str, Any], where: str, dialect: Dialect, readers: PartReaders) -> Part:
    """Read a part. Returns: it, as it came where no reader knows its type. Raises: InvalidParameter."""
    kind = read_text(part.get("type"), f"{where}.type")
    read = readers.get(kind)
    return Opaque(dialect, kind, part) if read is None else read(part, where)


def read_words(part: Mapping[str, Any], where: str) -> Part:
    """Read a text, with a mark in either way of OpenAI's dialects. Returns: it. Raises: InvalidParameter."""
    return Text(read_text(part.get("text"), f"{where}.text"), read_cache(part, where))


def read_refusal(part: Mapping[str, Any], where: str) -> Part:
    """Returns: what the model said instead of an answer. Raises: InvalidParameter."""
    return Refusal(read_text(part.get("refusal"), f"{where}.refusal"))
