"""Escalation: at most one escalated call, triggered by text or granted at a limit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mini_agent.agent import run
from mini_agent.agent.values import AgentConfig, AgentResult, ModelAnswer
from mini_agent.core.errors import ProviderFailed
from support.agent_runs import agent, answered_once, tool_messages
from support.hand_clock import HandClock
from support.scripted_model import Hanging, ScriptedModel, asks, says
from support.scripted_tools import ScriptedTools

ON: dict[str, Any] = {"escalate_on_budget_exceeded": True, "escalate_model": "big"}
EXCEEDED = "The token BUDGET was Exceeded."


def _models(model: ScriptedModel) -> list[str]:
    return [request.model for request in model.requests]


def test_text_triggers_one_call_of_the_escalation_model() -> None:
    """One sentence with both words leads to an observation and one normal turn of the other model."""
    model = ScriptedModel(says(EXCEEDED), says("fine"))
    result = agent(model, ScriptedTools(t={"ok": True}), use_tools=True, **ON)
    assert _models(model) == ["base", "big"]
    assert model.requests[1].tools is not None
    assert model.requests[1].messages[-1]["content"].startswith("Observation:")
    assert (result.stopped_reason, result.final_answer) == ("success", "fine")
    assert (result.metrics.escalated, result.used_model, result.metrics.iterations) == (True, "big", 2)


def test_only_one_call_is_escalated() -> None:
    """After the escalated call the base model answers, and a second trigger is a plain answer."""
    model = ScriptedModel(says(EXCEEDED), asks(("t", {})), says(EXCEEDED))
    result = agent(model, ScriptedTools(t={"ok": True}), **ON)
    assert _models(model) == ["base", "big", "base"]
    assert (result.final_answer, result.used_model) == (EXCEEDED, "big")
    assert [record.model for record in result.iterations[1].tool_invocations] == ["big"]


@pytest.mark.parametrize("text", ["The budget is fine. Time exceeded.", "budget\nexceeded", "exceeded"])
def test_the_trigger_stays_within_a_sentence(text: str) -> None:
    """The two words in different sentences are no trigger."""
    assert agent(ScriptedModel(says(text)), **ON).metrics.escalated is False


def test_iterations_used_up_grant_one_call_without_tools() -> None:
    """At `max_iterations` one more call is issued, without tools, and its text makes the run a success."""
    model = ScriptedModel(says(""), says(""), says("rescued"))
    result = agent(model, ScriptedTools(t={"ok": True}), max_iterations=2, use_tools=True, **ON)
    assert _models(model) == ["base", "base", "big"]
    assert model.requests[2].tools is None
    assert model.requests[2].tool_choice is None
    assert (result.stopped_reason, result.final_answer) == ("success", "rescued")
    assert (result.metrics.escalated, result.metrics.iterations) == (True, 3)


def test_a_trigger_in_the_last_turn_is_granted() -> None:
    """When the turns end right after the trigger, the escalated call is still made, once."""
    model = ScriptedModel(says(EXCEEDED), says("rescued"))
    result = agent(model, max_iterations=1, **ON)
    assert _models(model) == ["base", "big"]
    assert result.final_answer == "rescued"


def test_no_grant_after_success_nor_after_a_triggered_call() -> None:
    """A last turn of successful tools needs no rescue, and a run that escalated by text gets no second call."""
    model = ScriptedModel(asks(("t", {})))
    result = agent(model, ScriptedTools(t={"result": "r"}), max_iterations=1, **ON)
    assert (result.final_answer, result.metrics.escalated) == ("r", False)
    model = ScriptedModel(says(EXCEEDED), says(""))
    result = agent(model, max_iterations=2, **ON)
    assert (_models(model), result.stopped_reason) == (["base", "big"], "max_iterations")


@pytest.mark.parametrize(
    "answer", [ProviderFailed("down"), RuntimeError("bug"), says(""), says(None), says({"a": 1}), {"choices": []}]
)
def test_a_granted_call_that_fails_keeps_the_reason(answer: Any) -> None:
    """An error or an answer without text leaves `max_iterations`; the call was issued and is reported."""
    model = ScriptedModel(says(""), answer)
    result = agent(model, max_iterations=1, **ON)
    assert (result.stopped_reason, result.final_answer) == ("max_iterations", None)
    assert (result.metrics.escalated, result.used_model, result.metrics.iterations) == (True, "big", 2)


def test_a_triggered_call_that_fails_ends_the_run() -> None:
    """A triggered call is a normal turn: its provider error is raised."""
    with pytest.raises(ProviderFailed):
        agent(ScriptedModel(says(EXCEEDED), ProviderFailed("down")), **ON)


def test_calls_in_a_granted_answer_are_refused_and_answered() -> None:
    """No tools were offered, so what it calls is not run, but answered; its text still counts."""
    tools = ScriptedTools(t={"ok": True})
    model = ScriptedModel(says(""), asks(("t", {}, "a"), content="text"))
    result = agent(model, tools, max_iterations=1, **ON)
    assert not tools.calls
    assert result.final_answer == "text"
    assert tool_messages(result.messages) == {"a": "error: unsupported tool 't'"}
    assert answered_once(result.messages)


def _overrun(model: ScriptedModel, hanging: Hanging, granted: Hanging | None) -> AgentResult:
    """Let a run with a limit of 5 s hang, pass the limit, then pass the limit of a granted call that hangs too."""

    async def main() -> AgentResult:
        clock = HandClock()
        config = AgentConfig(model="base", use_tools=True, max_total_seconds=5, escalation_timeout_s=30, **ON)
        running = asyncio.create_task(
            run(config, [{"role": "user", "content": "go"}], model, ScriptedTools(), clock=clock)
        )
        await hanging.started.wait()
        clock.advance(5)
        if granted is not None:
            await granted.started.wait()
            clock.advance(29)
            await asyncio.sleep(0)
            assert not running.done()
            clock.advance(1)
        return await running

    return asyncio.run(main())


def test_time_used_up_grants_a_call_with_its_own_time() -> None:
    """After the deadline the granted call runs under its own limit, and its text makes the run a success."""
    hanging = Hanging()
    model = ScriptedModel(hanging, says("rescued"))
    result = _overrun(model, hanging, None)
    assert _models(model) == ["base", "big"]
    assert result.final_answer == "rescued"
    assert (result.stopped_reason, result.metrics.iterations) == ("success", 2)


def test_a_granted_call_that_takes_too_long_keeps_budget() -> None:
    """A granted call is cancelled at its limit; the run ends `budget`, exactly one escalated call reported."""
    hanging, granted = Hanging(), Hanging()
    model = ScriptedModel(hanging, granted)
    result = _overrun(model, hanging, granted)
    assert (result.stopped_reason, result.final_answer, granted.cancelled) == ("budget", None, True)
    assert (result.metrics.escalated, result.used_model, _models(model)) == (True, "big", ["base", "big"])


def test_without_both_options_nothing_is_granted() -> None:
    """One option alone never escalates."""
    for options in ({"escalate_on_budget_exceeded": True}, {"escalate_model": "big"}):
        model = ScriptedModel(says(""))
        result = agent(model, max_iterations=1, **options)
        assert (result.metrics.escalated, result.used_model, _models(model)) == (False, "base", ["base"])


def test_the_same_model_may_be_its_own_escalation() -> None:
    """Equal model names do not hide whether a call was escalated."""
    options = {**ON, "escalate_model": "base"}
    assert agent(ScriptedModel(says("x")), **options).metrics.escalated is False
    assert agent(ScriptedModel(says(EXCEEDED), says("x")), **options).metrics.escalated is True


def test_a_scripted_granted_answer_marks_the_run() -> None:
    """`simulated` covers the granted call."""
    assert agent(ScriptedModel(ModelAnswer(says("x"), True)), max_iterations=0, **ON).metrics.simulated is True
