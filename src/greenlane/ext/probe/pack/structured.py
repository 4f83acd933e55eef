"""Structured output: answers that satisfy a strict schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.sources import STRUCTURED
from greenlane.ext.probe.values import FULL, SHOULD, Answer, Dialect, Finding, Question, ask, check

WITH_SCHEMA = (Dialect.CHAT, Dialect.RESPONSES)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "mood": {"type": "string", "enum": ["glad", "sad"]},
        "pets": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"kind": {"type": "string"}},
                "required": ["kind"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["name", "age", "mood", "pets"],
    "additionalProperties": False,
}
KINDS: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int}

_BREAKS = "pydantic raises ValidationError: openai's parse, Instructor, PydanticAI, LangChain"


def wrong(value: Any, schema: Mapping[str, Any], where: str = "the answer") -> str:
    """Return what is wrong with a value by the part of JSON Schema that `SCHEMA` uses; empty for nothing."""
    kind: str = schema["type"]
    fits = isinstance(value, KINDS[kind]) and not isinstance(value, bool)
    if not fits:
        return f"{where} is {value!r:.60}, not of type {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} is {value!r:.60}, not one of {schema['enum']}"
    if kind == "array":
        return next(filter(None, (wrong(v, schema["items"], f"{where}[{n}]") for n, v in enumerate(value))), "")
    if kind == "object":
        known = schema["properties"]
        missing = [name for name in schema["required"] if name not in value]
        unknown = [name for name in value if name not in known]
        if missing or unknown:
            return f"{where} lacks {missing}" if missing else f"{where} has {unknown}, which the schema does not allow"
        return next(filter(None, (wrong(value[n], known[n], f"{where}.{n}") for n in value)), "")
    return ""


def _question(case: Case) -> tuple[Question, str]:
    name = case.word().capitalize()
    text = f"{name} is 34 years old, glad, and has a cat. Write this as JSON."
    return ask(text, schema=SCHEMA, max_tokens=160), name


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.text)
    except ValueError as error:
        raise Finding(f"the answer is no JSON: {answer.text[:80]!r}") from error
    found = wrong(value, SCHEMA)
    need(not found, f"the schema is not kept: {found}")
    return dict(value)


@check(
    "structured.plain", STRUCTURED,
    "Structured Outputs ensures the model will always generate responses that adhere to your JSON Schema.", _BREAKS,
    dialects=WITH_SCHEMA, profile=FULL,
)  # fmt: skip
def valid(case: Case) -> None:
    """The answer is JSON that satisfies the schema."""
    _object(case.ask(_question(case)[0]))


@check(
    "structured.stream", STRUCTURED,
    "You can use streaming to process model responses as they are being generated, and parse them.", _BREAKS,
    dialects=WITH_SCHEMA, profile=FULL,
)  # fmt: skip
def streamed(case: Case) -> None:
    """The pieces of a stream are together JSON that satisfies the schema."""
    _object(case.streamed(_question(case)[0]))


@check(
    "structured.values", STRUCTURED, "The model fills the schema from the conversation.",
    "the form is right and the content is not: extraction pipelines", dialects=WITH_SCHEMA, profile=FULL,
    severity=SHOULD, sampled=True,
)  # fmt: skip
def values(case: Case) -> None:
    """The values are those of the question."""
    question, name = _question(case)
    found = _object(case.ask(question))
    need(found["name"] == name, f"`name` is {found['name']!r}, the question is about {name}")
    need(found["age"] == 34, f"`age` is {found['age']!r}, the question says 34")


@check(
    "structured.refused", STRUCTURED, "An unsupported JSON Schema is an error of the request.",
    "a mistake in a schema looks like a broken server, and is retried", dialects=WITH_SCHEMA, profile=FULL,
    severity=SHOULD,
)  # fmt: skip
def bad_schema(case: Case) -> None:
    """A schema that is none is refused as the client's error."""
    status = case.post(case.body(ask("Write JSON.", schema={"type": "nonsense"}))).status
    need(400 <= status < 500, f"a schema of type nonsense is answered with status {status}")
