"""Access to JSON that a caller wrote: each value of the right type, or an error that names its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidParameter, MissingParameter

#: JSON names of the Python types.
TYPE_NAMES = {str: "string", list: "array", dict: "object", int: "integer", float: "number", bool: "boolean"}


def read_object(value: object, where: str) -> Mapping[str, Any]:
    """Returns: the value, an object. where: its place, as `messages[0].content`. Raises: InvalidParameter."""
    if isinstance(value, Mapping):
        return value
    raise _wrong(where, "object")


def read_list(value: object, where: str) -> list[Any]:
    """Returns: the value, an array. Raises: InvalidParameter."""
    if isinstance(value, list):
        return value
    raise _wrong(where, "array")


def read_objects(value: object, where: str) -> list[Mapping[str, Any]]:
    """Returns: the value, an array of objects. Raises: InvalidParameter."""
    return [read_object(item, f"{where}[{index}]") for index, item in enumerate(read_list(value, where))]


def read_text(value: object, where: str) -> str:
    """Returns: the value, a string. Raises: InvalidParameter."""
    if isinstance(value, str):
        return value
    raise _wrong(where, "string")


def read_bool(value: object, where: str) -> bool:
    """Returns: the value, a boolean. Raises: InvalidParameter."""
    if isinstance(value, bool):
        return value
    raise _wrong(where, "boolean")


def optional_text(value: object, where: str) -> str | None:
    """Returns: the value, a string or null. Raises: InvalidParameter."""
    return None if value is None else read_text(value, where)


def required_text(body: Mapping[str, Any], name: str, where: str = "") -> str:
    """Returns: the field, a string that is not empty. Raises: MissingParameter, InvalidParameter."""
    place = f"{where}.{name}" if where else name
    if body.get(name) is None or body[name] == "":
        raise MissingParameter(f"Missing required parameter: '{place}'", param=_top(place))
    return read_text(body[name], place)


def arguments_object(text: str) -> dict[str, Any]:
    """Read the arguments of a call as the object that Anthropic's protocol demands.

    Returns: the object; text that is none is kept as its only member `arguments`, nothing at all is an empty object.
    """
    if not text.strip() or text == "null":
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"arguments": text}
    return value if isinstance(value, dict) else {"arguments": text}


def kind_error(where: str, kinds: tuple[type, ...]) -> InvalidParameter:
    """Returns: the error for a value that is none of these types."""
    return _wrong(where, " or ".join(dict.fromkeys(TYPE_NAMES[kind] for kind in kinds)))


def _wrong(where: str, expected: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid type for '{where}': expected {expected}", param=_top(where))


def _top(where: str) -> str:
    return where.partition("[")[0].partition(".")[0]
