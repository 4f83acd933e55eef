"""The verdict for programs, as JSON; `verdict.schema.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.verdict import Verdict


def as_json(verdict: Verdict, evidence: Sequence[LaneEvidence] = ()) -> str:
    """Return the verdict as JSON: its fields, and `ready`, `word`, `exit_code`, `causes`, which follow from them."""
    fields = msgspec.to_builtins(verdict)
    derived = {
        "ready": verdict.ready,
        "word": verdict.word,
        "exit_code": verdict.exit_code,
        "causes": list(verdict.causes),
    }
    return written({**derived, **fields}, indent=2)


def written(value: object, indent: int | None = None) -> str:
    """Return a value as JSON with a line break at its end.

    A path of undecodable bytes has characters that UTF-8 lacks; as escapes they are still JSON.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, indent=indent, ensure_ascii=False, separators=separators)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"
