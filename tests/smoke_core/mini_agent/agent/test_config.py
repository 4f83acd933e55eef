"""Configuration and result values of a run."""

from __future__ import annotations

import dataclasses

import pytest

from mini_agent.agent.values import AgentConfig, ModelRequest
from support.agent_runs import agent
from support.scripted_model import ScriptedModel, asks, says
from support.scripted_tools import ScriptedTools


def test_defaults_are_those_of_the_contract() -> None:
    """Every default of GATEWAY 5.1 stands in the configuration."""
    config = dataclasses.asdict(AgentConfig(model="m"))
    assert config == {
        "model": "m",
        "max_iterations": 3,
        "max_tools_per_iter": 4,
        "tool_concurrency": 1,
        "enable_repair": True,
        "stop_on_tool_success": False,
        "research_on_unsure": False,
        "max_research_hops": 1,
        "max_history_messages": 50,
        "hard_char_budget": 16000,
        "shell_allow_prefixes": ("echo",),
        "tool_timeout_sec": 10,
        "max_total_seconds": None,
        "use_tools": False,
        "auto_run_code_on_code_block": False,
        "escalate_on_budget_exceeded": False,
        "escalate_model": None,
        "completion_kwargs": {},
        "escalation_timeout_s": 60.0,
    }


def test_configuration_is_frozen_and_owns_its_values() -> None:
    """Neither assignment nor a later change of what was passed in changes a configuration."""
    given = {"metadata": {"a": [1]}}
    config = AgentConfig(model="m", completion_kwargs=given)
    given["metadata"]["a"].append(2)
    assert config.completion_kwargs == {"metadata": {"a": [1]}}
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.model = "other"  # type: ignore[misc]


def test_history_is_never_above_fifty() -> None:
    """More than 50 history messages cannot be configured, fewer can."""
    assert AgentConfig(model="m", max_history_messages=51).max_history_messages == 50
    assert AgentConfig(model="m", max_history_messages=7).max_history_messages == 7


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("max_iterations", -1),
        ("max_tools_per_iter", -1),
        ("tool_concurrency", 0),
        ("max_research_hops", -1),
        ("hard_char_budget", 0),
        ("tool_timeout_sec", 0),
        ("max_total_seconds", 0),
        ("max_total_seconds", float("nan")),
        ("escalation_timeout_s", -1),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused_by_name(field: str, value: object) -> None:
    """A bad option is a ValueError that names the option."""
    options = {"model": "m", field: value}
    with pytest.raises(ValueError, match=field):
        AgentConfig(**options)  # type: ignore[arg-type]


def test_request_body_holds_parameters_but_not_what_the_loop_decides() -> None:
    """Completion parameters reach the provider; model, messages, tools and streaming stay the loop's."""
    params = {"temperature": 0, "stream": True, "model": "evil", "tools": [1], "tool_choice": "none"}
    body = ModelRequest(model="m", messages=[], params=params).body()
    assert body == {"temperature": 0, "model": "m", "messages": []}


def test_response_body_has_the_fields_of_the_route() -> None:
    """The 200 body holds answer, reason, conversation, numbers and the last ok record."""
    model = ScriptedModel(asks(("exec_shell", {"cmd": "echo"})), says("fin"))
    body = agent(model, ScriptedTools(exec_shell={"ok": True, "stdout": "hi\n"})).response_body()
    assert body["metrics"].pop("ttotal_ms") >= 0
    assert body.pop("last_tool_invocation")["stdout"] == "hi\n"
    assert len(body.pop("messages")) == 4
    assert body == {
        "ok": True,
        "final_answer": "fin",
        "stopped_reason": "success",
        "metrics": {"iterations": 2, "escalated": False, "used_model": "base", "simulated": False},
    }


def test_stdout_stands_in_for_a_missing_answer() -> None:
    """With a null answer, the stdout of the last ok record becomes the answer of the response."""
    model = ScriptedModel(asks(("t", {})), says({"a": 1}))
    result = agent(model, ScriptedTools(t={"ok": True, "stdout": "out\n"}))
    assert result.final_answer is None
    assert result.response_body()["final_answer"] == "out\n"


def test_last_invocation_comes_from_the_last_turn_that_ran_tools() -> None:
    """A later turn of refused calls does not hide the record, a later failed turn has none to offer."""
    ok, bad = {"ok": True, "result": "r"}, {"ok": False, "error": "e"}
    refused = agent(ScriptedModel(asks(("t", {})), asks(("nope", {})), says("x")), ScriptedTools(t=ok))
    last = refused.last_tool_invocation()
    assert last is not None
    assert last.result == "r"
    failed = agent(ScriptedModel(asks(("t", {})), asks(("f", {})), says("x")), ScriptedTools(t=ok, f=bad))
    assert failed.last_tool_invocation() is None
    assert "last_tool_invocation" not in failed.response_body()
