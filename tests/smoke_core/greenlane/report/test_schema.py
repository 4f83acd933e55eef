"""The published schema of the JSON verdict."""

from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pytest

from greenlane.evidence.verdict import VERDICT_SCHEMA
from greenlane.report.machine import as_json
from greenlane.report.schema import SHIPPED
from support.reports import HOSTILE, VERDICTS, hostile

SCHEMA = json.loads(SHIPPED.read_text(encoding="utf-8"))
VALID = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)


def test_the_shipped_schema_is_one() -> None:
    """It is valid by the dialect of JSON Schema that it names; the tests below do not look at it again."""
    assert SCHEMA["$schema"] == VALID.META_SCHEMA["$id"]
    VALID.check_schema(SCHEMA)


def test_the_shipped_schema_is_current() -> None:
    """The command of its module prints what lies beside it; after a change of the types: print it there anew."""
    words = [sys.executable, "-P", "-m", "greenlane.report.schema"]
    done = subprocess.run(words, capture_output=True, timeout=30, check=True)

    assert done.stdout == SHIPPED.read_bytes()


@pytest.mark.parametrize("name", VERDICTS)
def test_every_verdict_is_valid(name: str) -> None:
    """What `as_json` writes is what the schema says, of this version."""
    told = json.loads(as_json(VERDICTS[name]))

    VALID.validate(told)
    assert told["schema"] == VERDICT_SCHEMA


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_verdicts_are_valid(name: str) -> None:
    """No text makes JSON invalid, and each comes through as it was."""
    told = json.loads(as_json(hostile(name)).encode())

    VALID.validate(told)
    assert f"tests/test_a.py::test_x[{HOSTILE[name]}]" in {violation["subject"] for violation in told["violations"]}


@pytest.mark.parametrize("change", [{"schema": 99}, {"word": "FINE"}, {"exit_code": 5}, {"checks": None}])
def test_something_else_is_invalid(change: dict[str, object]) -> None:
    """The schema is not so wide that anything passes."""
    told = json.loads(as_json(VERDICTS["ready"]))

    with pytest.raises(jsonschema.ValidationError):
        VALID.validate({**told, **change})
