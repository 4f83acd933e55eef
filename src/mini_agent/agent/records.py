"""From what an invoker answered to a record, a tool message and a preview."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mini_agent.agent.calls import PlannedCall
from mini_agent.agent.tool_values import ToolRecord, parse_arguments
from mini_agent.core.text import encodable, load_json

NO_OUTPUT = "ok (no output)"
NOT_EXECUTED_LIMIT = "not executed: per-turn limit"
NOT_EXECUTED_TIME = "not executed: time budget exhausted"

_HEAD, _TAIL = 6000, 2000
_FAILURE_TAIL = 2000
_PREVIEW_LIMIT = 1000


def record_from(call: PlannedCall, answer: object, *, model: str, t_ms: float) -> ToolRecord:
    """Read an invoker's answer.

    A JSON object is a record, a JSON scalar or array becomes text, other text is a successful text result.
    t_ms: milliseconds measured around the call, used when the answer names none.

    Returns: the record of the call.
    """
    fields = _fields(answer)
    ok = fields.get("ok")
    rc, own_ms, error = fields.get("rc"), fields.get("t_ms"), fields.get("error")
    return _record(
        call,
        ok=True if ok is None else bool(ok),
        rc=rc if isinstance(rc, int) and not isinstance(rc, bool) else None,
        result=next((_clean(fields[key]) for key in ("result", "answer", "text") if _as_text(fields.get(key))), None),
        stdout=_text_or_none(fields.get("stdout")),
        stderr=_text_or_none(fields.get("stderr")),
        error=_as_text(error) if error is not None else None,
        t_ms=float(own_ms) if isinstance(own_ms, int | float) and not isinstance(own_ms, bool) else t_ms,
        model=model,
        truncated=bool(fields.get("truncated")),
    )


def failure_record(call: PlannedCall, error: str, *, model: str, t_ms: float = 0.0, executed: bool) -> ToolRecord:
    """Returns: the record of a call that failed before or without an answer of its tool."""
    return _record(call, ok=False, error=error, t_ms=t_ms, model=model, executed=executed)


def _record(call: PlannedCall, **outcome: Any) -> ToolRecord:
    return ToolRecord(
        call_index=call.index,
        tool_name=call.name,
        requested_name=call.requested_name,
        tool_call_id=call.id,
        arguments_raw=call.arguments_raw,
        arguments=parse_arguments(call.arguments),
        **outcome,
    )


def _fields(answer: object) -> Mapping[str, Any]:
    if isinstance(answer, Mapping):
        return answer
    if not isinstance(answer, str):
        return {"result": _as_text(answer)}
    try:
        value = load_json(answer)
    except ValueError:
        return {"result": answer}
    if isinstance(value, dict):
        return value
    return {"result": value if isinstance(value, str) else answer.strip()}


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return encodable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _clean(value: Any) -> Any:
    return encodable(value) if isinstance(value, str) else value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _as_text(value)


def output_text(record: ToolRecord) -> str:
    """Returns: what a successful tool said: its result, else its stdout, one trailing newline removed; may be ""."""
    texts = (_as_text(value).removesuffix("\n") for value in (record.result, record.stdout))
    return next((text for text in texts if text), "")


def message_text(record: ToolRecord) -> str:
    """Write the tool message of a record (GATEWAY 5.3).

    Returns: at most 8,000 characters: of a longer text the first 6,000 and the last 2,000.
    """
    if record.ok:
        text = output_text(record) or NO_OUTPUT
    else:
        tail = (record.stderr or record.stdout or "")[-_FAILURE_TAIL:]
        text = f"error: {record.error or 'tool failed'}" + (f"\n{tail}" if tail else "")
    return text if len(text) <= _HEAD + _TAIL else text[:_HEAD] + text[-_TAIL:]


def preview(records: Sequence[ToolRecord]) -> str:
    """Write records as JSON for the repair message, failures, errors and the ends of stderr first.

    Returns: a JSON array of at most 1000 characters; texts are shortened before records are left out.
    """
    ordered = sorted(records, key=lambda record: record.ok)
    for limit in (400, 200, 100, 40, 0):
        text = json.dumps([_preview_of(record, limit) for record in ordered], ensure_ascii=False)
        if len(text) <= _PREVIEW_LIMIT:
            return text
    return _fitting([_preview_of(record, 0) for record in ordered])


def _fitting(entries: list[dict[str, Any]]) -> str:
    while len(text := json.dumps(entries, ensure_ascii=False)) > _PREVIEW_LIMIT:
        entries = entries[:-1]
    return text


def _preview_of(record: ToolRecord, limit: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "error": (record.error or "")[: limit or 40],
        "stderr": (record.stderr or "")[-limit:] if limit else "",
        "tool": record.tool_name[:64],
        "ok": record.ok,
        "rc": record.rc,
        "output": output_text(record)[:limit],
    }
    return {key: value for key, value in entry.items() if value not in ("", None)}
