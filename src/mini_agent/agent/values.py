"""Values of one agent run: its configuration, the request to a model, and the result."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mini_agent.agent.tool_values import ToolRecord

#: One chat message in OpenAI's shape.
Message = dict[str, Any]

StopReason = Literal["success", "budget", "max_iterations"]

#: No configuration shows a model more non-system messages than this.
MAX_HISTORY_MESSAGES = 50

#: Keys of `completion_kwargs` that the loop decides itself.
_LOOP_OWNED = ("model", "messages", "tools", "stream", "stream_options")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """Options of one run (GATEWAY 5.1).

    Times are seconds. `max_iterations` counts model calls, 0 allows none. `max_history_messages` counts non-system
    messages and is capped at 50, `hard_char_budget` characters. `shell_allow_prefixes` are exact argv[0] values and,
    like `tool_timeout_sec`, are read by the invoker. `completion_kwargs` go to every model call, a `tool_choice` among
    them replaces `auto`. `escalation_timeout_s` bounds an escalated call granted after the run's own limits.

    Raises: ValueError naming the field, for a count or time that cannot be meant.
    """

    model: str
    max_iterations: int = 3
    max_tools_per_iter: int = 4
    tool_concurrency: int = 1
    enable_repair: bool = True
    stop_on_tool_success: bool = False
    research_on_unsure: bool = False
    max_research_hops: int = 1
    max_history_messages: int = MAX_HISTORY_MESSAGES
    hard_char_budget: int = 16000
    shell_allow_prefixes: tuple[str, ...] = ("echo",)
    tool_timeout_sec: float = 10
    max_total_seconds: float | None = None
    use_tools: bool = False
    auto_run_code_on_code_block: bool = False
    escalate_on_budget_exceeded: bool = False
    escalate_model: str | None = None
    completion_kwargs: Mapping[str, Any] = field(default_factory=dict)
    escalation_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the numbers, cap the history, and own a copy of everything mutable."""
        if not self.model:
            raise ValueError("model must not be empty")
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("tool_timeout_sec", "escalation_timeout_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.max_total_seconds is not None and not self.max_total_seconds > 0:
            raise ValueError(f"max_total_seconds must be above 0, got {self.max_total_seconds}")
        object.__setattr__(self, "max_history_messages", min(self.max_history_messages, MAX_HISTORY_MESSAGES))
        object.__setattr__(self, "shell_allow_prefixes", tuple(self.shell_allow_prefixes))
        object.__setattr__(self, "completion_kwargs", copy.deepcopy(dict(self.completion_kwargs)))

    @property
    def escalates(self) -> bool:
        """Returns: True when escalation is active, which needs both of its options."""
        return self.escalate_on_budget_exceeded and bool(self.escalate_model)


_LEAST: Mapping[str, int] = {
    "max_iterations": 0,
    "max_tools_per_iter": 0,
    "tool_concurrency": 1,
    "max_research_hops": 0,
    "max_history_messages": 1,
    "hard_char_budget": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What the loop asks a model client. The client may keep or change it: nothing of it is shared with the run.

    tools: OpenAI specs, None when none are offered; then `tool_choice` is None too. params: further parameters.
    """

    model: str
    messages: list[Message]
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    params: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Returns: the request as the JSON body of a chat completion, without `stream`."""
        body = {key: value for key, value in self.params.items() if key not in _LOOP_OWNED and key != "tool_choice"}
        body |= {"model": self.model, "messages": self.messages}
        if self.tools is not None:
            body |= {"tools": self.tools, "tool_choice": self.tool_choice}
        return body


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """An answer with its origin, for clients that know it was scripted.

    payload: a chat completion or a message, dict- or object-shaped. simulated: True when no model wrote it.
    """

    payload: object
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One model call and the tools it led to. router_call_ms: milliseconds spent waiting for the model."""

    router_call_ms: float
    tool_invocations: tuple[ToolRecord, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns: the entry as JSON."""
        return {
            "router_call_ms": self.router_call_ms,
            "tool_invocations": [record.as_dict() for record in self.tool_invocations],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMetrics:
    """Numbers of one run. iterations: model calls issued. ttotal_ms: milliseconds from start to result."""

    iterations: int
    ttotal_ms: float
    escalated: bool
    used_model: str
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult:
    """How a run ended. messages: the whole conversation, unpruned, without injected memory."""

    messages: list[Message]
    final_answer: str | None
    stopped_reason: StopReason
    iterations: tuple[Iteration, ...]
    metrics: RunMetrics

    @property
    def used_model(self) -> str:
        """Returns: the escalation model once its call was issued, else the base model."""
        return self.metrics.used_model

    def last_tool_invocation(self) -> ToolRecord | None:
        """Returns: the last ok record of the most recent turn that ran tools, None without one."""
        for iteration in reversed(self.iterations):
            if any(record.executed for record in iteration.tool_invocations):
                return next((record for record in reversed(iteration.tool_invocations) if record.ok), None)
        return None

    def response_body(self) -> dict[str, Any]:
        """Returns: the 200 body of `/agent/run` (GATEWAY 4.5)."""
        last = self.last_tool_invocation()
        final = self.final_answer
        if final is None and last is not None and last.stdout:
            final = last.stdout
        body: dict[str, Any] = {
            "ok": True,
            "final_answer": final,
            "stopped_reason": self.stopped_reason,
            "messages": self.messages,
            "metrics": asdict(self.metrics),
        }
        if last is not None:
            body["last_tool_invocation"] = last.as_dict()
        return body
