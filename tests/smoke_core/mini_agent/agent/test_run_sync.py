"""The synchronous entrance."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from mini_agent.agent import run_sync
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.core.errors import RateLimited
from support.scripted_model import ScriptedModel, asks, says
from support.scripted_tools import ScriptedTools

USER = [{"role": "user", "content": "go"}]
CONFIG = AgentConfig(model="base", use_tools=True)


def _sync() -> tuple[AgentResult, ScriptedTools]:
    tools = ScriptedTools(t={"result": "r"})
    return run_sync(CONFIG, USER, ScriptedModel(asks(("t", {})), says("done")), tools), tools


def test_run_sync_without_a_loop() -> None:
    """Outside a loop the run happens on a private one, and the tools opened there are closed."""
    result, tools = _sync()
    assert result.final_answer == "done"
    assert tools.closed


def test_run_sync_inside_a_running_loop() -> None:
    """Called from a coroutine it answers too, and leaves neither thread nor task behind."""

    async def main() -> tuple[AgentResult, int]:
        result, _ = _sync()
        return result, len(asyncio.all_tasks())

    before = threading.active_count()
    result, tasks = asyncio.run(main())
    assert (result.final_answer, tasks, threading.active_count()) == ("done", 1, before)


def test_run_sync_raises_what_the_run_raises() -> None:
    """A provider error comes through with and without a running loop, and the tools are closed all the same."""

    def failing() -> None:
        tools = ScriptedTools()
        try:
            run_sync(CONFIG, USER, ScriptedModel(RateLimited("slow down")), tools)
        finally:
            assert tools.closed

    async def main() -> None:
        failing()

    with pytest.raises(RateLimited):
        failing()
    with pytest.raises(RateLimited):
        asyncio.run(main())


def test_run_sync_keeps_the_callers_context() -> None:
    """Context variables of the caller, such as a request id for logs, are seen by the run."""
    request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")

    async def main() -> str | None:
        request_id.set("r-1")
        return run_sync(CONFIG, USER, ScriptedModel(lambda _: says(request_id.get())), ScriptedTools()).final_answer

    assert asyncio.run(main()) == "r-1"
