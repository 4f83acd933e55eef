"""The verdict for programs, as JSON; `verdict.schema.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict
from greenlane.evidence.violation import Violation
from greenlane.judge.causes import in_order

MANY = 500
"""Violations from which on they are written without what is as it is by default."""

LARGEST = 650_000
"""Bytes of one list of the verdict."""

DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Violation) if not field.required}


def as_json(verdict: Verdict, evidence: Sequence[LaneEvidence] = ()) -> str:
    """Return the verdict as JSON: its fields, and `ready`, `word`, `exit_code`, `causes`, which follow from them.

    Where there are many violations it holds of each cause the first, the worst first, and of the others as many as it
    has room for; `left_out` says how many are not there.
    """
    fields = msgspec.to_builtins(verdict)
    lists = {"violations": verdict.violations, "warnings": verdict.warnings}
    many = sum(map(len, lists.values())) > MANY
    if many:
        fields |= {name: _bounded(map(_without_defaults, in_order(found)), LARGEST) for name, found in lists.items()}
    causes = _bounded(verdict.causes, LARGEST // 3) if many else list(verdict.causes)
    left_out = {name: len(found) - len(fields[name]) for name, found in lists.items()}
    derived = {
        "ready": verdict.ready,
        "word": verdict.word,
        "exit_code": verdict.exit_code,
        "causes": causes,
        "left_out": {name: count for name, count in left_out.items() if count},
    }
    return written({**derived, **fields}, indent=None if many else 2)


def _bounded(values: Iterable[Any], left: int) -> list[Any]:
    """Return as many values as there is room for, bytes."""
    kept = []
    for value in values:
        left -= len(written(value).encode())
        if left < 0:
            break
        kept.append(value)
    return kept


def _without_defaults(violation: Violation) -> dict[str, Any]:
    """Return a violation without what is as it is by default."""
    return {name: value for name, value in msgspec.to_builtins(violation).items() if value != DEFAULTS.get(name)}


def written(value: object, indent: int | None = None) -> str:
    """Return a value as JSON with a line break at its end.

    A path of undecodable bytes has characters that UTF-8 lacks; as escapes they are still JSON.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, indent=indent, ensure_ascii=False, separators=separators)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"
