"""Tool values: function specs, names, arguments and the record of one invocation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from mini_agent.core.errors import MiniAgentError
from mini_agent.core.text import json_or

EXEC_PYTHON = "exec_python"
EXEC_CODE = "exec_code"
EXEC_SHELL = "exec_shell"

#: Languages that mean the Python interpreter; the empty one is a block or call that names none.
PYTHON_LANGUAGES = frozenset({"", "py", "python"})

#: What a tool answers to arguments it cannot read.
INVALID_ARGUMENTS = "invalid arguments: expected a JSON object"


class ToolListingFailed(MiniAgentError):
    """The tools of a backend could not be listed. A run goes on without tools.

    `str(error)` may quote the backend; `log_text` never does, so that logs carry no foreign text.
    """

    def __init__(self, message: str, *, log_text: str) -> None:
        super().__init__(message)
        self.log_text = log_text


def function_spec(
    name: str, description: str, properties: Mapping[str, Any], required: Iterable[str] = ()
) -> dict[str, Any]:
    """Build one OpenAI tool spec.

    name, description: what the model reads. properties: JSON Schema per argument. required: argument names that
    must be present.

    Returns: `{"type": "function", "function": {...}}`, a fresh object each time.
    """
    parameters = {"type": "object", "properties": dict(properties), "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def spec_name(spec: object) -> str | None:
    """Read the name of an OpenAI tool spec.

    Returns: the name as spelled, or None when `spec` is no spec with a non-empty name.
    """
    function = spec.get("function") if isinstance(spec, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) and name else None


def parse_arguments(raw: object) -> dict[str, Any] | None:
    """Read the arguments of a tool call.

    raw: what the model sent, normally JSON text; an object is taken as it is.

    Returns: a new object, or None when `raw` is no JSON object.
    """
    if isinstance(raw, Mapping):
        return dict(raw)
    if not isinstance(raw, str):
        return None
    value = json_or(raw)
    return value if isinstance(value, dict) else None


def is_python_alias(name: str, arguments: Mapping[str, Any] | None) -> bool:
    """Tell whether a call means `exec_python` under another name (GATEWAY 6.1).

    name: any casing. arguments: the parsed arguments, None when unreadable.

    Returns: True for `python`, `__main__`, and `exec_code` without a language or with Python's.
    """
    lowered = name.lower()
    if lowered in ("python", "__main__"):
        return True
    return lowered == EXEC_CODE and arguments is not None and wants_python(arguments)


def wants_python(arguments: Mapping[str, Any]) -> bool:
    """Returns: True when the `language` argument is absent, null, empty or Python."""
    language = arguments.get("language")
    if language is None:
        return True
    return isinstance(language, str) and language.strip().lower() in PYTHON_LANGUAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRecord:
    """What happened to one tool call of one turn (GATEWAY 5.3).

    call_index: position among the calls of the turn, from 0. tool_name: the name that was invoked or refused.
    requested_name: the model's name, where it was rewritten. arguments_raw: text as the model sent it. arguments: the
    parsed object, None when unreadable. rc: exit status of a process. result: any JSON value. t_ms: milliseconds.
    model: the model that asked. executed: False for a call that was refused or never started.
    """

    call_index: int
    tool_name: str
    tool_call_id: str
    arguments_raw: str
    arguments: dict[str, Any] | None
    ok: bool
    requested_name: str | None = None
    rc: int | None = None
    result: Any = None
    stdout: str | None = None
    stderr: str | None = None
    error: str | None = None
    t_ms: float = 0.0
    model: str = ""
    truncated: bool = False
    executed: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Returns: the record as JSON; `name` repeats `tool_name`, `requested_name` is present only if rewritten."""
        facts = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in _NOT_ALWAYS}
        record = {"call_index": self.call_index, "tool_name": self.tool_name, "name": self.tool_name, **facts}
        return record if self.requested_name is None else {**record, "requested_name": self.requested_name}


#: What of a record is not told, or only where it says something.
_NOT_ALWAYS = frozenset({"requested_name", "executed"})
