"""What one run knows: its conversation, its counters and the records it will report."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from mini_agent.agent.answers import Answer, unique_id
from mini_agent.agent.tool_values import ToolRecord
from mini_agent.agent.values import AgentConfig, AgentResult, Iteration, Message, RunMetrics, StopReason
from mini_agent.core.ports import Clock
from mini_agent.core.text import encodable


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ends."""

    reason: StopReason
    final_answer: str | None


class RunState:
    """The changing part of a run. messages: the recorded conversation, owned by the run."""

    def __init__(self, config: AgentConfig, messages: list[Message], clock: Clock) -> None:
        self.config = config
        self.messages = messages
        self.clock = clock
        self.call_ids = _call_ids(messages)
        self.last_model = config.model
        self.last_outputs: str | None = None
        self.research_hops = 0
        self.escalate_next = False
        self.ran_tools = False
        self._escalated = False
        self._simulated = False
        self._auto_runs = 0
        self._iterations: list[Iteration] = []
        self._started = clock.monotonic()

    @property
    def may_escalate(self) -> bool:
        """Returns: True while an escalated call is configured and none was issued."""
        return self.config.escalates and not self._escalated

    @property
    def escalation_model(self) -> str:
        """Returns: the model of an escalated call, the base model when none is configured."""
        return self.config.escalate_model or self.config.model

    def next_auto_id(self) -> str:
        """Returns: a new id for a synthesised call, `auto_codeblock_0` first."""
        while f"auto_codeblock_{self._auto_runs}" in self.call_ids:
            self._auto_runs += 1
        return unique_id(f"auto_codeblock_{self._auto_runs}", self.call_ids)

    def say(self, role: str, content: str) -> None:
        """Append a message of our own."""
        self.messages.append({"role": role, "content": content})

    @contextmanager
    def model_call(self, model: str, escalated: bool) -> Iterator[None]:
        """Count and time one model call, however it ends."""
        self.last_model = model
        self._escalated = self._escalated or escalated
        self.escalate_next = False
        self._iterations.append(Iteration(router_call_ms=0.0))
        started = self.clock.monotonic()
        try:
            yield
        finally:
            self._iterations[-1] = replace(self._iterations[-1], router_call_ms=self._ms_since(started))

    def adopt(self, answer: Answer) -> Answer:
        """Remember the ids and the origin of an answer. Returns: the same answer."""
        self.call_ids.update(call.id for call in answer.calls)
        self._simulated = self._simulated or answer.simulated
        return answer

    def add_records(self, records: Sequence[ToolRecord]) -> None:
        """File the records of a turn under its model call."""
        self._iterations[-1] = replace(self._iterations[-1], tool_invocations=tuple(records))
        self.ran_tools = self.ran_tools or any(record.executed for record in records)

    def result(self, outcome: Outcome) -> AgentResult:
        """Returns: the finished result."""
        return AgentResult(
            messages=self.messages,
            final_answer=outcome.final_answer,
            stopped_reason=outcome.reason,
            iterations=tuple(self._iterations),
            metrics=RunMetrics(
                iterations=len(self._iterations),
                ttotal_ms=self._ms_since(self._started),
                escalated=self._escalated,
                used_model=self.escalation_model if self._escalated else self.config.model,
                simulated=self._simulated,
            ),
        )

    def _ms_since(self, started: float) -> float:
        return round((self.clock.monotonic() - started) * 1000, 3)


def copy_messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copy JSON objects whole.

    Returns: objects that share nothing with the given ones. Raises: TypeError when one is no object.
    """
    for message in messages:
        if not isinstance(message, Mapping):
            raise TypeError(f"messages must be a list of objects, got {type(message).__name__}")
    return [_copied(dict(message)) for message in messages]


def _copied(value: Any) -> Any:
    # Several times faster than copy.deepcopy on JSON, and a long conversation is copied on every turn.
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, str):
        return encodable(value)
    if value is None or isinstance(value, int | float | bool):
        return value
    return copy.deepcopy(value)


def _call_ids(messages: Sequence[Message]) -> set[str]:
    calls = (call for message in messages for call in message.get("tool_calls") or () if isinstance(call, Mapping))
    return {call["id"] for call in calls if isinstance(call.get("id"), str)}
