"""Makes the schemas of the three protocols from the types that their vendors publish.

Needs the packages `openai` and `anthropic`, which no lane has: run it in an environment of its own. The models of both
allow unknown members; here those are forbidden, so that a misspelt one is found.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import anthropic._types
import openai._types

# A protocol class of theirs that no schema can be made of.
for module in (anthropic._types, openai._types):
    setattr(module, "SequenceNotStr", list)  # noqa: B010  a module has no such attribute for mypy

from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent  # noqa: E402
from anthropic.types.message_create_params import MessageCreateParams  # noqa: E402
from anthropic.types.shared import ErrorResponse  # noqa: E402
from openai.types.chat import ChatCompletion, ChatCompletionChunk  # noqa: E402
from openai.types.chat.completion_create_params import CompletionCreateParams  # noqa: E402
from openai.types.responses import Response, ResponseStreamEvent  # noqa: E402
from openai.types.responses.response_create_params import ResponseCreateParams  # noqa: E402
from pydantic import TypeAdapter  # noqa: E402

HERE = Path(__file__).parent
ENTRIES: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": (
        "openai",
        {"request": CompletionCreateParams, "answer": ChatCompletion, "event": ChatCompletionChunk},
    ),
    "anthropic_messages": (
        "anthropic",
        {
            "request": MessageCreateParams,
            "answer": Message,
            "event": RawMessageStreamEvent,
            "error": ErrorResponse,
            "count": MessageTokensCount,
        },
    ),
    "openai_responses": (
        "openai",
        {"request": ResponseCreateParams, "answer": Response, "event": ResponseStreamEvent},
    ),
}


def strict(schema: Any) -> Any:
    """Return a schema without prose, whose objects have the members that it names and no others."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: strict(value) for key, value in schema.items() if key not in ("description", "title", "default")}
    if "$defs" in schema:
        kept["$defs"] = {name: strict(value) for name, value in schema["$defs"].items()}
    if "properties" in schema:
        kept["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        kept["additionalProperties"] = False
    return kept


def shared(definitions: dict[str, dict[str, Any]]) -> set[str]:
    """Return the names that mean the same in each entry that has them, down to what they refer to."""
    texts: dict[str, set[str]] = {}
    for entry in definitions.values():
        for name, value in entry.items():
            texts.setdefault(name, set()).add(json.dumps(value, sort_keys=True))
    same = {name for name, versions in texts.items() if len(versions) == 1}
    while True:
        torn = {name for name in same if not set(re.findall(r"#/\$defs/([^\"]+)", next(iter(texts[name])))) <= same}
        if not torn:
            return same
        same -= torn


def referred(schema: Any, entry: str, same: set[str]) -> Any:
    """Return a schema whose references carry the name of their entry, except those that all entries share."""

    def named(match: re.Match[str]) -> str:
        return match[0] if match[1] in same else f"#/$defs/{entry}.{match[1]}"

    return json.loads(re.sub(r"#/\$defs/([^\"]+)", named, json.dumps(schema)))


def main() -> None:
    """Write one file per protocol."""
    for name, (package, entries) in ENTRIES.items():
        made: dict[str, Any] = {"source": f"{package} {importlib.metadata.version(package)} (PyPI)"}
        schemas = {entry: strict(TypeAdapter(kind).json_schema()) for entry, kind in entries.items()}
        definitions = {entry: schema.pop("$defs", {}) for entry, schema in schemas.items()}
        same = shared(definitions)
        every: dict[str, Any] = {}
        for entry, schema in schemas.items():
            made[entry] = referred(schema, entry, same)
            for key, value in definitions[entry].items():
                every[key if key in same else f"{entry}.{key}"] = referred(value, entry, same)
        text = json.dumps({**made, "$defs": every}, separators=(",", ":"), sort_keys=True)
        (HERE / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
        print(f"written: {name}.json, {len(text)} characters")


if __name__ == "__main__":
    main()
