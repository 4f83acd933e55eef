"""JSON and text from outside that must be able to leave again."""

from __future__ import annotations

import json
from typing import Any

#: Digits of a whole number. One beyond every float means nothing to anybody, and reading it takes the square of its
#: length: 19 MB of the longest that Python reads hold the event loop for seconds.
MAX_DIGITS = 400
#: What is shorter cannot cost much, and is not looked through.
_SHORT_BYTES = 65_536
_DIGITS = bytes(b"0"[0] if chr(byte).isdigit() and byte < 128 else b"x"[0] for byte in range(256))


def encodable(text: str) -> str:
    """Replace what UTF-8 cannot encode.

    JSON may hold half a surrogate pair, and a model that is cut off within an emoji sends one. Passed on, it would fail
    only where the answer is written.

    Returns: the same text, halves joined where they belong together and replaced by U+FFFD where they are alone.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def valid_utf8(raw: bytes) -> bytes:
    """Make bytes of somebody else's readable to everybody.

    Returns: the same bytes, or where they are no UTF-8, with U+FFFD for what is not. JSON stays JSON.
    """
    if raw.isascii():
        return raw
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode()
    return raw


def is_plain_id(text: str) -> bool:
    """Returns: whether an id is free of whitespace and control characters, and so fits into a header line."""
    return text.isprintable() and not any(character.isspace() for character in text)


def refuse_long_numbers(raw: bytes) -> None:
    """Look through JSON for whole numbers that would take long to read. Raises: ValueError when there is one."""
    if len(raw) <= _SHORT_BYTES or not _may_have_long_numbers(raw):
        return
    try:
        json.loads(raw, parse_int=_short_number)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return  # Whoever reads it says what is wrong with it.


def _may_have_long_numbers(raw: bytes) -> bool:
    """Returns: whether there is any run of so many digits; most often it is text, and only a parser can tell."""
    return len(raw) > _SHORT_BYTES and b"0" * (MAX_DIGITS + 1) in raw.translate(_DIGITS)


def _short_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def load_json(text: str) -> Any:
    """Parse JSON as the standard has it: without NaN and infinities, which no strict writer would let out again.

    Returns: the value, all text in it encodable. Raises: ValueError for anything that is no JSON, nested too deeply
    included.
    """
    try:
        bounded = len(text) > _SHORT_BYTES and _may_have_long_numbers(text.encode("utf-8", "surrogatepass"))
        value = json.loads(text, parse_constant=_no_number, parse_int=_short_number if bounded else None)
        return _encodable(value) if "\\u" in text else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def json_or(text: str, other: Any = None) -> Any:
    """Returns: the value of a JSON text, as `load_json` gives it; `other` for what is none."""
    try:
        return load_json(text)
    except ValueError:
        return other


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
