"""One turn: what the model is asked, which calls are executable, and how an answer without calls is judged."""

from __future__ import annotations

import asyncio
import copy
import logging
from typing import Any

import pytest

from mini_agent.agent import run
from mini_agent.agent.tool_values import ToolListingFailed
from mini_agent.agent.values import AgentConfig, ModelAnswer
from mini_agent.core.errors import ProviderFailed, ProviderNotConfigured, RateLimited
from support.agent_runs import agent, answered_once, texts, tool_messages
from support.scripted_model import ScriptedModel, asks, completion, says
from support.scripted_tools import ScriptedTools

OK = {"ok": True, "result": "r"}


def test_tools_are_advertised_only_on_request() -> None:
    """With `use_tools` the listed tools and `auto` go to the model; without it neither, and its calls are refused."""
    tools = ScriptedTools(t=OK)
    for use_tools, choice in ((True, "auto"), (False, None)):
        model = ScriptedModel(asks(("t", {})), says("done"))
        assert agent(model, tools, use_tools=use_tools).final_answer == "done"
        assert {request.tool_choice for request in model.requests} == {choice}
        assert [bool(request.tools) for request in model.requests] == [use_tools] * 2
    assert tools.names == ["t"]


def test_an_empty_listing_sends_neither_tools_nor_choice() -> None:
    """Without tools there is no `tool_choice`, not even a configured one."""
    model = ScriptedModel(says("done"))
    agent(model, use_tools=True, completion_kwargs={"tool_choice": "required", "temperature": 0})
    assert model.requests[0].tools is None
    assert model.requests[0].tool_choice is None
    assert model.requests[0].body().keys() == {"model", "messages", "temperature"}


def test_a_configured_tool_choice_replaces_the_automatic_one() -> None:
    """`tool_choice` in `completion_kwargs` is what the model gets, and it is not sent twice."""
    model = ScriptedModel(says("done"))
    agent(model, ScriptedTools(t=OK), use_tools=True, completion_kwargs={"tool_choice": "required"})
    assert model.requests[0].tool_choice == "required"
    assert "tool_choice" not in model.requests[0].params


def test_tools_are_listed_once_per_run() -> None:
    """A run asks its backend for the tools exactly once, however many turns it takes."""
    tools = ScriptedTools(t=OK)
    agent(ScriptedModel(asks(("t", {})), asks(("t", {})), says("x")), tools)
    assert tools.listings == 1


def test_a_failed_listing_means_no_tools_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The run goes on without tools; the warning carries no text of the host."""
    model = ScriptedModel(asks(("t", {})), says("done"))
    tools = ScriptedTools(ToolListingFailed("HTTP 500: secret-body", log_text="HTTP 500"), t=OK)
    with caplog.at_level(logging.WARNING):
        result = agent(model, tools, use_tools=True)
    assert result.final_answer == "done"
    assert model.requests[0].tools is None
    assert not tools.calls
    assert "HTTP 500" in caplog.text
    assert "secret-body" not in caplog.text


def test_a_backend_that_is_not_configured_ends_the_run() -> None:
    """A listing error that is the client's to know is raised, not swallowed."""
    with pytest.raises(ProviderNotConfigured):
        agent(ScriptedModel(says("x")), ScriptedTools(ProviderNotConfigured("no mcp")))


def test_a_provider_error_ends_the_run() -> None:
    """A failing model call is never turned into an answer."""
    with pytest.raises(RateLimited):
        agent(ScriptedModel(asks(("t", {})), RateLimited("slow down")), ScriptedTools(t=OK))


def test_a_model_client_that_cancels_itself_is_a_provider_error() -> None:
    """A cancellation that nobody asked for must not look like the end of the caller's request."""
    for limit in (None, 60):
        with pytest.raises(ProviderFailed):
            agent(ScriptedModel(asyncio.CancelledError()), max_total_seconds=limit)


def test_inputs_are_never_mutated() -> None:
    """Caller messages, configuration and the model's answers stay, whatever a client does to its request."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "go"}]}]
    answers = [completion(asks(("python", {"code": "1"}, "a"), content="```python\n1\n```")), says("```python\n2\n```")]
    kept = copy.deepcopy((messages, answers))

    class Rude(ScriptedModel):
        async def complete(self, request: Any) -> object:
            answer = await super().complete(request)
            offered.append(request.tools[0]["function"]["name"])
            request.messages[0]["content"] = "changed"
            request.messages.clear()
            request.tools[0]["function"]["name"] = "changed"
            request.params["metadata"]["a"] = "changed"
            return answer

    offered: list[str] = []
    kwargs = {"metadata": {"a": 1}}
    tools = ScriptedTools(exec_python=OK)
    config = AgentConfig(model="m", use_tools=True, auto_run_code_on_code_block=True, completion_kwargs=kwargs)
    result = asyncio.run(run(config, messages, Rude(*answers), tools))
    assert (messages, answers) == kept
    assert kwargs == {"metadata": {"a": 1}}
    assert result.messages[0] == kept[0][0]
    assert result.messages[0] is not messages[0]
    assert tools.names == offered == ["exec_python", "exec_python"]


def test_a_message_that_is_no_object_is_refused() -> None:
    """A caller's mistake is named, before anything runs."""
    model = ScriptedModel(says("x"))
    with pytest.raises(TypeError, match="messages must be a list of objects, got str"):
        agent(model, messages=["hi"])  # type: ignore[list-item]
    assert not model.requests


def test_injected_memory_is_seen_and_not_recorded() -> None:
    """The injection changes the model's view of every turn and never the conversation."""
    model = ScriptedModel(asks(("t", {})), says("done"))
    result = agent(model, ScriptedTools(t=OK), inject=lambda view: [{"role": "system", "content": "memory"}, *view])
    assert [request.messages[0]["content"] for request in model.requests] == ["memory", "memory"]
    assert texts(result.messages, "system") == []


def test_the_view_is_pruned_and_the_record_is_not() -> None:
    """The model sees at most the configured history; the result keeps everything."""
    messages = [{"role": "user", "content": f"m{number}"} for number in range(6)]
    model = ScriptedModel(says("done"))
    result = agent(model, messages=messages, max_history_messages=2)
    assert [message["content"] for message in model.requests[0].messages] == ["m4", "m5"]
    assert len(result.messages) == 7


@pytest.mark.parametrize(
    ("name", "arguments", "executed"),
    [
        ("exec_python", {"code": "1"}, "exec_python"),
        ("EXEC_Python", {"code": "1"}, "EXEC_Python"),
        ("python", {"code": "1"}, "exec_python"),
        ("__main__", {"code": "1"}, "exec_python"),
        ("exec_code", {"code": "1"}, "exec_python"),
        ("exec_code", {"code": "1", "language": "PY"}, "exec_python"),
        ("exec_code", {"code": "1", "language": "rust"}, None),
        ("code", {"source": "1"}, "exec_python"),
        ("python_code", {"code": "1"}, "exec_python"),
        ("anything", {"code": "1"}, "exec_python"),
        ("anything", {"code": "1", "language": "go"}, None),
        ("anything", {"x": 1}, None),
        ("exec_python2", "no json", None),
        ("", {}, None),
    ],
)
def test_allow_list_aliases_and_rewriting(name: str, arguments: Any, executed: str | None) -> None:
    """Listed names, aliases and code calls run, the latter as `exec_python`; foreign code and all else is refused."""
    tools = ScriptedTools(exec_python=OK)
    result = agent(ScriptedModel(asks((name, arguments, "a")), says("done")), tools)
    record = result.iterations[0].tool_invocations[0]
    if executed is None:
        assert not tools.calls
        assert not record.ok
        assert tool_messages(result.messages)["a"] == f"error: unsupported tool '{name}'"
        return
    assert tools.names == [executed]
    assert record.ok
    requested = record.as_dict().get("requested_name")
    assert requested == (None if executed == name else name)
    assert result.messages[1]["tool_calls"][0]["function"]["name"] == name


def test_code_is_not_rewritten_when_python_is_not_listed() -> None:
    """Without `exec_python` on the list neither alias nor code call runs."""
    tools = ScriptedTools(other=OK)
    result = agent(ScriptedModel(asks(("python", {"code": "1"}), ("code", {"code": "1"})), says("done")), tools)
    assert not tools.calls
    assert [record.ok for record in result.iterations[0].tool_invocations] == [False, False]


def test_only_refused_calls_lead_to_the_next_turn_without_repair() -> None:
    """A refusal is answered and recorded; it is no tool run, so no observation follows."""
    result = agent(ScriptedModel(asks(("nope", {}, "a")), says("done")), ScriptedTools(t=OK))
    assert [message["role"] for message in result.messages] == ["user", "assistant", "tool", "assistant"]
    assert result.metrics.iterations == 2


def test_dict_content_is_a_success_without_text() -> None:
    """A dict answer ends the run with null, and stays in the conversation."""
    result = agent(ScriptedModel(says({"a": {"b": 1}})))
    assert (result.stopped_reason, result.final_answer) == ("success", None)
    assert result.messages[-1]["content"] == {"a": {"b": 1}}


@pytest.mark.parametrize("blank", ["", "  \n", None, []])
@pytest.mark.parametrize(("auto_run", "wanted"), [(False, "answer"), (True, "runnable Python")])
def test_a_blank_answer_is_nudged(blank: Any, auto_run: bool, wanted: str) -> None:
    """After a blank answer the user asks for the answer, or with auto-run for runnable Python in a fenced block."""
    model = ScriptedModel(says(blank), says("done"))
    result = agent(model, auto_run_code_on_code_block=auto_run)
    nudge = texts(result.messages, "user")[-1]
    assert wanted in nudge
    assert ("fenced" in nudge) is auto_run
    assert result.final_answer == "done"
    assert model.requests[1].messages[-1]["content"] == nudge


def test_unsure_is_researched_while_hops_are_left() -> None:
    """`not sure` leads to an observation and another turn, once per hop; then it is the answer."""
    model = ScriptedModel(says("I am NOT sure."), says("Still not sure."))
    result = agent(model, research_on_unsure=True)
    observation = texts(result.messages, "assistant")[1]
    assert observation.startswith("Observation: Model is unsure")
    assert "Use available research tools" in observation
    assert result.final_answer == "Still not sure."
    assert result.metrics.iterations == 2


@pytest.mark.parametrize("text", ["I am sure. Not this.", "sure, not"])
def test_unsure_needs_the_phrase(text: str) -> None:
    """The words apart are no trigger."""
    assert agent(ScriptedModel(says(text)), research_on_unsure=True).final_answer == text


def test_triggers_are_inert_when_off() -> None:
    """Unsure and budget texts are plain answers unless their options are on, both of them for escalation."""
    text = "I am not sure: budget exceeded."
    for options in ({}, {"escalate_on_budget_exceeded": True}, {"escalate_model": "big"}):
        result = agent(ScriptedModel(says(text)), **options)
        assert (result.final_answer, result.metrics.escalated) == (text, False)


def test_turns_run_out() -> None:
    """Without an answer the run ends `max_iterations` and null, after exactly that many calls."""
    for turns in (0, 1, 3):
        model = ScriptedModel(says(""), repeat=True)
        result = agent(model, max_iterations=turns)
        assert (result.stopped_reason, result.final_answer) == ("max_iterations", None)
        assert len(model.requests) == result.metrics.iterations == len(result.iterations) == turns


def test_any_scripted_answer_marks_the_run() -> None:
    """`simulated` is true if one answer of several was scripted."""
    for flags, wanted in (((True, False), True), ((False, False), False)):
        model = ScriptedModel(ModelAnswer(asks(("t", {})), flags[0]), ModelAnswer(says("x"), flags[1]))
        assert agent(model, ScriptedTools(t=OK)).metrics.simulated is wanted


def test_list_content_is_an_answer_by_its_text_parts() -> None:
    """Content in parts is judged and answered by its text."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    result = agent(ScriptedModel(says(parts)))
    assert result.final_answer == "a\nb"
    assert result.messages[-1]["content"] == parts
    assert answered_once(result.messages)
