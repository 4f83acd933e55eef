"""The simulated escalation of GATEWAY 5.7, for environments that must not reach the escalation provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mini_agent.agent.state import copy_messages
from mini_agent.agent.values import AgentConfig, AgentResult, RunMetrics


def simulated_escalation(config: AgentConfig, messages: Sequence[Mapping[str, Any]]) -> AgentResult | None:
    """Answer a run as if it had been escalated, without any call.

    The caller asks only for a local run, with `NDSMOKE_SHORTCIRCUIT_CHUTES` on and outside `block` mode.

    Returns: the result, None unless both options are set and the model starts with `chutes/`.
    """
    model = config.escalate_model
    if not config.escalates or model is None or not model.startswith("chutes/"):
        return None
    return AgentResult(
        messages=copy_messages(messages),
        final_answer="",
        stopped_reason="success",
        iterations=(),
        metrics=RunMetrics(iterations=0, ttotal_ms=0.0, escalated=True, used_model=model, simulated=True),
    )
