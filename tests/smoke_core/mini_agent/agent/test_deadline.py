"""The deadline of a run, on a clock that the test moves, and on the real one where the limit itself is the claim."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mini_agent.agent import run
from mini_agent.agent.deadline import Deadline, DeadlineExpired
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.core.ports import SystemClock
from support.agent_runs import answered_once, tool_messages
from support.hand_clock import HandClock
from support.scripted_model import Hanging, ScriptedModel, asks, says
from support.scripted_tools import ScriptedTools

TIME_IS_UP = "error: not executed: time budget exhausted"
USER = [{"role": "user", "content": "go"}]


def _run_until(
    hanging: asyncio.Event, clock: HandClock, model: ScriptedModel, tools: ScriptedTools, **options: Any
) -> Any:
    """Start a run, wait until it hangs, then let 5 seconds pass on the clock."""

    async def main() -> AgentResult:
        config = AgentConfig(model="base", use_tools=True, max_total_seconds=5, **options)
        running = asyncio.create_task(run(config, USER, model, tools, clock=clock))
        await hanging.wait()
        clock.advance(4.9)
        await asyncio.sleep(0)
        assert not running.done()
        clock.advance(0.1)
        return await running

    return main()


def test_a_hanging_model_call_is_cancelled() -> None:
    """At the deadline the model's await is cancelled; the run ends `budget` with null, the call counted."""
    hanging, clock = Hanging(), HandClock()
    result = asyncio.run(_run_until(hanging.started, clock, ScriptedModel(hanging), ScriptedTools()))
    assert (result.stopped_reason, result.final_answer) == ("budget", None)
    assert hanging.cancelled
    assert result.metrics.iterations == 1
    assert result.iterations[0].router_call_ms == pytest.approx(5000)
    assert result.metrics.ttotal_ms == pytest.approx(5000)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_hanging_tool_is_cancelled_and_every_call_answered(concurrency: int) -> None:
    """Finished calls keep their replies, the rest get the exact text, and a call beyond the limit its own."""
    hanging, clock = Hanging(), HandClock()
    tools = ScriptedTools(fast={"result": "quick"}, slow=hanging)
    calls = asks(("fast", {}, "a"), ("slow", {}, "b"), ("no", {}, "c"), ("slow", {}, "d"), ("fast", {}, "e"))
    coroutine = _run_until(
        hanging.started, clock, ScriptedModel(calls), tools, max_tools_per_iter=3, tool_concurrency=concurrency
    )
    result = asyncio.run(coroutine)
    assert (result.stopped_reason, result.final_answer) == ("budget", None)
    assert hanging.cancelled
    assert tool_messages(result.messages) == {
        "a": "quick",
        "b": TIME_IS_UP,
        "c": "error: unsupported tool 'no'",
        "d": TIME_IS_UP,
        "e": "not executed: per-turn limit",
    }
    assert answered_once(result.messages)


def test_a_hanging_listing_is_cancelled() -> None:
    """The listing is under the deadline too: the run ends before any model call."""
    clock, started = HandClock(), asyncio.Event()

    class SlowListing(ScriptedTools):
        async def list_tools(self) -> list[dict[str, Any]]:
            started.set()
            await asyncio.Event().wait()
            return []

    model = ScriptedModel(says("x"))
    result = asyncio.run(_run_until(started, clock, model, SlowListing()))
    assert (result.stopped_reason, result.metrics.iterations, model.requests) == ("budget", 0, [])


def test_time_used_up_between_awaits_stops_the_next_one() -> None:
    """No call is issued after the deadline: calls of a late answer are answered, not run."""
    clock = HandClock()

    def late(_: object) -> Any:
        clock.now += 6
        return asks(("t", {}, "a"))

    tools = ScriptedTools(t={"ok": True})
    config = AgentConfig(model="base", use_tools=True, max_total_seconds=5)
    result = asyncio.run(run(config, USER, ScriptedModel(late), tools, clock=clock))
    assert result.stopped_reason == "budget"
    assert not tools.calls
    assert tool_messages(result.messages) == {"a": TIME_IS_UP}


def test_no_model_call_is_issued_after_the_deadline() -> None:
    """Time used up while tools ran ends the run before the next call, which is then not counted either."""
    clock = HandClock()

    def late(_: object) -> str:
        clock.now += 6
        return "r"

    model = ScriptedModel(asks(("t", {}, "a")), says("never"))
    config = AgentConfig(model="base", use_tools=True, max_total_seconds=5, tool_concurrency=2)
    result = asyncio.run(run(config, USER, model, ScriptedTools(t=late), clock=clock))
    assert result.stopped_reason == "budget"
    assert len(model.requests) == result.metrics.iterations == 1
    assert tool_messages(result.messages) == {"a": "r"}


def test_an_answer_in_time_is_not_delayed() -> None:
    """A run within its time ends as without a deadline and leaves no timer behind."""

    async def main() -> tuple[AgentResult, int]:
        config = AgentConfig(model="base", use_tools=True, max_total_seconds=5)
        result = await run(config, USER, ScriptedModel(says("done")), ScriptedTools(), clock=HandClock())
        return result, len(asyncio.all_tasks())

    result, tasks = asyncio.run(main())
    assert result.final_answer == "done"
    assert tasks == 1


@pytest.mark.parametrize("where", ["model", "tool"])
def test_one_that_ignores_its_cancellation_cannot_hold_the_run(where: str) -> None:
    """On the real clock: a run ends within 0.5 s of its limit although what it waits for swallows cancellation."""

    async def main() -> tuple[float, AgentResult]:
        hanging = Hanging(stubborn=True)
        model = ScriptedModel(hanging) if where == "model" else ScriptedModel(asks(("t", {}, "a")))
        started = time.monotonic()
        config = AgentConfig(model="base", use_tools=True, max_total_seconds=0.05)
        result = await run(config, USER, model, ScriptedTools(t=hanging))
        seconds = time.monotonic() - started
        hanging.release.set()
        return seconds, result

    seconds, result = asyncio.run(main())
    assert 0.05 <= seconds < 0.55
    assert result.stopped_reason == "budget"
    assert answered_once(result.messages)


@pytest.mark.parametrize("where", ["model", "tool"])
@pytest.mark.parametrize("limit", [None, 60])
def test_cancelling_the_run_cancels_what_it_waits_for(where: str, limit: float | None) -> None:
    """A caller that goes away takes the model call or the tool with it, with and without a deadline."""

    async def main() -> tuple[bool, int]:
        hanging = Hanging()
        model = ScriptedModel(hanging) if where == "model" else ScriptedModel(asks(("t", {}), ("t", {})))
        config = AgentConfig(model="base", use_tools=True, max_total_seconds=limit, tool_concurrency=2)
        running = asyncio.create_task(run(config, USER, model, ScriptedTools(t=hanging)))
        await hanging.started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return hanging.cancelled, len(asyncio.all_tasks())

    assert asyncio.run(main()) == (True, 1)


def test_deadline_prefers_a_result_and_passes_errors_on() -> None:
    """What is done at the moment of expiry counts; an error of the work is raised as it is."""

    async def main() -> None:
        clock = HandClock()
        deadline = Deadline(clock, 1)

        async def done() -> str:
            clock.advance(1)
            return "result"

        async def broken() -> str:
            raise KeyError("own")

        assert await deadline.run(done()) == "result"
        with pytest.raises(DeadlineExpired):
            deadline.check()
        with pytest.raises(KeyError, match="own"):
            await Deadline(clock, 1).run(broken())

    asyncio.run(main())


def test_the_system_clock_waits_and_never_goes_back() -> None:
    """The default clock sleeps on the running loop."""
    clock = SystemClock()
    before = clock.monotonic()
    asyncio.run(clock.sleep(0.01))
    assert clock.monotonic() - before >= 0.01
