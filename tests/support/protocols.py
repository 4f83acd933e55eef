"""The published schemas of the three protocols, as a judge of what we write."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

_FOLDER = Path(__file__).parent / "schemas"
#: What servers and clients take although the vendors' packages of that version do not name it, per protocol and entry.
_BESIDES: dict[tuple[str, str], frozenset[str]] = {
    # Older models and other servers of the protocol take them; the newest models do not.
    ("anthropic_messages", "request"): frozenset({"temperature", "top_p", "top_k"}),
}
#: Members of a message, and of a delta, that chat clients and servers agreed on without OpenAI; the last is of agents.
_AGREED = ("reasoning_content", "reasoning", "thinking_blocks", "additional_kwargs")


@lru_cache(maxsize=4)
def _protocol(name: str) -> dict[str, Any]:
    protocol: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return protocol


@lru_cache(maxsize=256)
def _validator(name: str, entry: str, kind: str) -> Draft202012Validator:
    """Return the validator of an entry; of a union the branch of this `type` only, which is much faster."""
    protocol = _protocol(name)
    schema = protocol[entry]
    for branch in schema.get("anyOf") or schema.get("oneOf") or ():
        target = protocol["$defs"][branch["$ref"].rpartition("/")[2]]
        if kind and target["properties"].get("type", {}).get("const") == kind:
            schema = target
    return Draft202012Validator({**schema, "$defs": protocol["$defs"]})


def violations(dialect: str, entry: str, value: Any) -> list[str]:
    """Return what is wrong with a value by the protocol's schema. entry: request, answer, event, error or count."""
    extra = _BESIDES.get((dialect, entry), frozenset())
    value = json.loads(json.dumps({key: item for key, item in value.items() if key not in extra}))
    if dialect == "openai_chat":
        _forget_agreed(value, entry)
    kind = value.get("type", "") if entry == "event" else ""
    found = []
    for error in _validator(str(dialect), entry, kind).iter_errors(value):
        inner = best_match([error])
        found.append(f"{'.'.join(map(str, inner.absolute_path))}: {inner.message[:200]}")
    return found


def _forget_agreed(value: dict[str, Any], entry: str) -> None:
    if entry == "request":
        places = value.get("messages", [])
    else:
        places = [choice.get("message") or choice.get("delta") or {} for choice in value.get("choices", [])]
    for place in places:
        if entry == "event":
            # OpenAI's searching models stream them, its type of a delta does not have them.
            place.pop("annotations", None)
        for name in _AGREED:
            place.pop(name, None)


def request_members(dialect: str) -> set[str]:
    """Return the parameters that the published type of a request names."""
    return {name for branch in _branches(dialect) for name in branch["properties"]}


def _branches(dialect: str) -> list[dict[str, Any]]:
    protocol = _protocol(str(dialect))
    return [protocol["$defs"][branch["$ref"].rpartition("/")[2]] for branch in protocol["request"]["anyOf"]]
