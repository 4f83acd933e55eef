"""Short ways to run an agent in a test, and what every conversation must hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import settings

from mini_agent.agent import ModelClient, ToolInvoker, ViewInjection, run
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.core.ports import SYSTEM_CLOCK, Clock
from support.conversations import answered_once, texts
from support.scripted_tools import ScriptedTools

__all__ = ["PROPERTY", "agent", "answered_once", "texts", "tool_messages"]

#: Property tests of this house: repeatable, without files, and without a time limit that a busy machine breaks.
PROPERTY = settings(max_examples=80, deadline=None, database=None, derandomize=True)


def agent(
    model: ModelClient,
    tools: ToolInvoker | None = None,
    messages: Sequence[dict[str, Any]] = ({"role": "user", "content": "go"},),
    *,
    clock: Clock = SYSTEM_CLOCK,
    inject: ViewInjection | None = None,
    **options: Any,
) -> AgentResult:
    """Run one agent on a loop of its own. Returns: its result."""
    config = AgentConfig(**{"model": "base", "use_tools": True, **options})
    return asyncio.run(run(config, messages, model, tools or ScriptedTools(), clock=clock, inject=inject))


def tool_messages(messages: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Returns: text of the tool message of each call id."""
    return {message["tool_call_id"]: message["content"] for message in messages if message["role"] == "tool"}
