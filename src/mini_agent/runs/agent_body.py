"""The body of `/agent/run` (GATEWAY 4.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec

from mini_agent.agent.values import AgentConfig
from mini_agent.core.errors import (
    GatewayError,
    InvalidBodyParameter,
    InvalidType,
    InvalidValue,
    MissingBodyParameter,
    MissingKey,
    MissingParameter,
)
from mini_agent.core.patterns import Pattern
from mini_agent.dialects.openai_chat.shape import check_tool_calls
from mini_agent.tools.backends import DEFAULT_TIMEOUT_S, TOOL_BACKENDS, ToolRequest, backend_of

DEFAULT_ITERATIONS = 3
MAX_ITERATIONS = 50
_MISSING = Pattern(r"missing required field `(\w+)`")
_PATH = Pattern(r"`\$\.(\w+)")

_WHOLE = frozenset({"max_iterations", "max_research_hops", "max_tools_per_iter", "tool_concurrency"})

_COUNT = msgspec.Meta(ge=0, le=1000)
_POSITIVE = msgspec.Meta(ge=1, le=1000)
_SECONDS = msgspec.Meta(gt=0)


def _note(text: str) -> msgspec.Meta:
    """Returns: what a field means, for the reference and `/openapi.json`."""
    return msgspec.Meta(description=text)


class AgentBody(msgspec.Struct, kw_only=True, frozen=True):
    """The fields; others are ignored. Null means the default. Times are seconds."""

    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1), _note("the conversation, as in chat")]
    model: Annotated[str, msgspec.Meta(min_length=1), _note("a group of the configuration, or `provider/name`")]
    tool_backend: Annotated[str | None, _note("where tools are run: `local`, `http`, `docker`, `mcp` or `echo`")] = None
    tool_http_base_url: Annotated[str | None, _note("address of the tool host; needed by `http`")] = None
    tool_http_headers: Annotated[dict[str, Any] | None, _note("headers for the tool host")] = None
    use_tools: Annotated[bool | None, _note("offer tools to the model; by default with `http` and `mcp`")] = None
    auto_run_code_on_code_block: Annotated[bool | None, _note("run a code block of an answer that calls no tool")] = (
        None
    )
    max_iterations: Annotated[int | None, _note("model calls at most; 0 and less mean 3, above 50 means 50")] = None
    max_total_seconds: Annotated[Annotated[float, _SECONDS] | None, _note("seconds of the whole run, at most")] = None
    escalate_on_budget_exceeded: Annotated[bool | None, _note("ask `escalate_model` once a limit is reached")] = None
    escalate_model: Annotated[str | None, _note("the model that is asked then")] = None
    enable_repair: Annotated[bool | None, _note("tell the model of a failed tool, so that it tries again")] = None
    stop_on_tool_success: Annotated[bool | None, _note("end with the first tool that succeeds")] = None
    research_on_unsure: Annotated[bool | None, _note("ask once more when an answer says that it is unsure")] = None
    max_research_hops: Annotated[Annotated[int, _COUNT] | None, _note("how often that is done")] = None
    max_tools_per_iter: Annotated[Annotated[int, _POSITIVE] | None, _note("tool calls of one answer that are run")] = (
        None
    )
    tool_concurrency: Annotated[Annotated[int, _POSITIVE] | None, _note("tool calls at once")] = None
    tool_timeout_sec: Annotated[Annotated[float, _SECONDS] | None, _note("seconds of one tool call, at most")] = None
    tool_choice: Annotated[
        str | dict[str, Any] | None,
        _note("as in chat, with `use_tools`; a forced call is forced until a tool has run"),
    ] = None
    stream: Annotated[bool | None, _note("tell of the run while it goes on, as server-sent events")] = None

    @property
    def backend(self) -> str:
        """Returns: the backend, trimmed and lower-cased."""
        return (self.tool_backend or "local").strip().lower() or "local"

    @property
    def iterations(self) -> int:
        """Returns: the limit of model calls: non-positive becomes 3, above 50 becomes 50."""
        asked = self.max_iterations
        return min(asked, MAX_ITERATIONS) if asked is not None and asked > 0 else DEFAULT_ITERATIONS

    @property
    def uses_tools(self) -> bool:
        """Returns: whether tools are on offer."""
        return TOOL_BACKENDS[self.backend].has_tools if self.use_tools is None else self.use_tools

    @property
    def escalates(self) -> bool:
        """Returns: whether both escalation options are set."""
        return bool(self.escalate_on_budget_exceeded and self.escalate_model)

    def config(self, escalation_timeout_s: float) -> AgentConfig:
        """Returns: the loop's configuration. Raises: ValueError for values the loop cannot mean."""
        optional = {
            name: value
            for name in (
                "enable_repair",
                "stop_on_tool_success",
                "research_on_unsure",
                "max_research_hops",
                "max_tools_per_iter",
                "tool_concurrency",
                "tool_timeout_sec",
                "max_total_seconds",
                "escalate_model",
            )
            if (value := getattr(self, name)) is not None
        }
        return AgentConfig(
            model=self.model,
            max_iterations=self.iterations,
            use_tools=self.uses_tools,
            auto_run_code_on_code_block=bool(self.auto_run_code_on_code_block),
            escalate_on_budget_exceeded=bool(self.escalate_on_budget_exceeded),
            escalation_timeout_s=escalation_timeout_s,
            completion_kwargs={} if self.tool_choice is None else {"tool_choice": self.tool_choice},
            **optional,
        )

    def tool_request(self, user_id: str | None) -> ToolRequest:
        """Returns: what the run wants of its tools. user_id: whose run it is."""
        return ToolRequest(
            backend=self.backend,
            http_base_url=self.tool_http_base_url,
            http_headers=self.tool_http_headers or {},
            timeout_s=self.tool_timeout_sec or DEFAULT_TIMEOUT_S,
            user_id=user_id,
        )


def parse_agent_body(body: Mapping[str, Any]) -> AgentBody:
    """Check a decoded body.

    Returns: the fields.
    Raises: MissingBodyParameter or InvalidBodyParameter (422) naming the field; InvalidParameter (400) for an unknown
    backend; MissingParameter (400) for a backend without a field that it needs.
    """
    try:
        parsed = msgspec.convert(_whole_numbers(body), AgentBody)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), body) from error
    check_tool_calls(parsed.messages, InvalidBodyParameter)
    for name in backend_of(parsed.backend).required:
        if not (getattr(parsed, name) or "").strip():
            raise MissingParameter(f"{name} required for tool_backend={parsed.backend}", param=name)
    return parsed


def _whole_numbers(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: the body, with 3.0 as 3 where a whole number belongs: in JSON they are the same number."""
    return {
        name: int(value) if name in _WHOLE and isinstance(value, float) and value.is_integer() else value
        for name, value in body.items()
    }


def _refusal(text: str, body: Mapping[str, Any]) -> GatewayError:
    if found := _MISSING.search(text):
        return MissingBodyParameter(f"Missing required parameter: '{found[1]}'", param=found[1])
    found = _PATH.search(text)
    name = found[1] if found else None
    if name in ("messages", "model") and body.get(name) in (None, "", []):
        return MissingBodyParameter(f"Missing required parameter: '{name}'", param=name)
    # The library quotes types and limits, never values.
    return InvalidBodyParameter(f"Invalid '{name}': {text}" if name else f"Invalid request body: {text}", param=name)


@contextmanager
def normalising() -> Iterator[None]:
    """Turn ValueError, KeyError and TypeError into 400s, for the code that normalises a request and no other.

    Raises: InvalidValue, MissingKey or InvalidType, with the original as cause. A `GatewayError` passes unchanged.
    """
    try:
        yield
    except KeyError as error:
        raise MissingKey(f"missing key: {error.args[0] if error.args else ''}") from error
    except ValueError as error:
        raise InvalidValue(str(error)) from error
    except TypeError as error:
        raise InvalidType(str(error)) from error
