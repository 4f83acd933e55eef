"""The JSON Schema of the verdict. `python -m greenlane.report.schema` prints it; a test keeps the shipped copy current.

A field that is added keeps the version; one that goes, or comes to mean something else, raises it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from greenlane.evidence.verdict import VERDICT_SCHEMA, Verdict

SHIPPED = Path(__file__).with_name("verdict.schema.json")
WORDS = ("READY", "READY WITH LIMITS", "NOT READY", "GREEN", "RED", "SKIPPED")
DERIVED: dict[str, Any] = {
    "ready": {"type": "boolean", "description": "Whether everything that the policy needs is proved green."},
    "word": {"enum": list(WORDS), "description": "The answer: of a policy, or of one lane."},
    "exit_code": {"enum": [0, 1, 2, 130], "description": "Exit code of the command that decided."},
    "left_out": {
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "description": "How many violations and warnings there was no room for; the worst are there.",
    },
    "causes": {"type": "array", "items": {"type": "string"}, "description": "One CAUSE line for each failure."},
}
"""What follows from the fields of the verdict and stands beside them."""


def verdict_schema() -> dict[str, Any]:
    """Return the schema, made from the types."""
    (reference,), parts = msgspec.json.schema_components([Verdict], ref_template="#/definitions/{name}")
    own = parts.pop(reference["$ref"].rsplit("/", 1)[1])
    own["properties"]["schema"] = {"const": VERDICT_SCHEMA}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"greenlane verdict, version {VERDICT_SCHEMA}",
        "description": own.get("description", ""),
        "type": "object",
        "properties": {**DERIVED, **own["properties"]},
        "required": [*DERIVED, "schema", *own["required"]],
        "definitions": parts,
    }


def text() -> str:
    """Return the schema as it is shipped."""
    return json.dumps(verdict_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(text(), end="")
