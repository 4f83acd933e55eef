"""`mini-agent/` models: an agent run behind a completion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.gateway import Gateway, Stage
from support.http_client import events_of
from support.upstream import answer, completion, hang, refuse

CODE = "Let me see.\n```python\nprint(6 * 7)\n```"


def agent(stage: Stage, environ: dict[str, str] | None = None, model: str = "mini-agent/m1", **options: Any) -> Gateway:
    """Returns: a gateway with the group `agent`, whose target is the group `m1`."""
    entry = {"model_name": "agent", "litellm_params": {"model": model, **options}}
    return stage.gateway({"model_list": [stage.entry(), entry]}, environ)


def test_code_block_is_run_and_becomes_the_answer(stage: Stage) -> None:
    """Auto-run is on: the output of the block is the content, and the message tells how it came about."""
    stage.upstream.script(answer(CODE))
    reply = agent(stage).chat(model="agent", temperature=0.5, max_tokens=9)
    body = reply.json()
    assert (reply.status, reply.headers["x-mini-agent-provider"]) == (200, "mini_agent")
    assert (body["object"], body["model"], body["usage"]["total_tokens"]) == ("chat.completion", "agent", 7)
    (choice,) = body["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("42", "stop")
    facts = choice["message"]["additional_kwargs"]["mini_agent"]
    assert (facts["iterations"], facts["stopped_reason"]) == (1, "success")
    assert [message["role"] for message in facts["conversation"]] == ["user", "assistant", "tool"]
    assert [record["name"] for record in facts["parsed_tools"]] == ["exec_python"]
    (seen,) = stage.upstream.requests
    assert (seen.body["model"], seen.body["temperature"], seen.body["max_tokens"]) == ("gpt-up", 0.5, 9)
    assert "exec_python" in [tool["function"]["name"] for tool in seen.body["tools"]]


def test_stream_is_regular(stage: Stage) -> None:
    """With `stream: true` the finished answer comes as role, content, finish and `[DONE]`."""
    stage.upstream.script(answer("all done"))
    reply = agent(stage).chat(model="agent", stream=True)
    *chunks, done = events_of(reply.body)
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "all done"
    assert (chunks[-1]["choices"][0]["finish_reason"], done) == ("stop", "[DONE]")
    assert "stream" not in stage.upstream.requests[0].body


def test_exhausted_run_says_so(stage: Stage) -> None:
    """Without an answer the content is JSON with iterations and reason, and `finish_reason` is `length`."""
    stage.upstream.script(answer(" "))
    (choice,) = agent(stage, max_iterations=2).chat(model="agent").json()["choices"]
    assert json.loads(choice["message"]["content"]) == {"iterations": 2, "stopped_reason": "max_iterations"}
    assert choice["finish_reason"] == "length"
    assert len(stage.upstream.requests) == 2


@pytest.mark.parametrize(
    ("options", "reason"), [({"max_iterations": 0}, "max_iterations"), ({"max_seconds": 0}, "budget")]
)
def test_zero_counts_as_set(stage: Stage, options: dict[str, int], reason: str) -> None:
    """A limit of zero is a limit, not the default."""
    (choice,) = agent(stage, **options).chat(model="agent").json()["choices"]
    assert json.loads(choice["message"]["content"]) == {"iterations": 0, "stopped_reason": reason}
    assert stage.upstream.requests == []


def test_environment_gives_defaults_and_the_entry_wins(stage: Stage) -> None:
    """`LITELLM_MINI_AGENT_MAX_ITERATIONS` holds unless the entry says otherwise."""
    stage.upstream.script(answer(" "))
    environ = {"LITELLM_MINI_AGENT_MAX_ITERATIONS": "1"}
    agent(stage, environ).chat(model="agent")
    assert len(stage.upstream.requests) == 1
    agent(stage, environ, max_iterations=2).chat(model="agent")
    assert len(stage.upstream.requests) == 3


def test_time_limit_of_the_entry_holds(stage: Stage) -> None:
    """`max_seconds` ends a run whose model hangs."""
    stage.upstream.script(hang())
    (choice,) = agent(stage, max_seconds=0.1).chat(model="agent").json()["choices"]
    assert json.loads(choice["message"]["content"])["stopped_reason"] == "budget"


@pytest.mark.parametrize(("languages", "allowed"), [(["go"], False), (["python"], True)])
def test_languages_open_exact_programs_of_the_shell(stage: Stage, languages: list[str], allowed: bool) -> None:
    """`allowed_languages` adds exact argv[0] entries to what the shell tool may run."""
    arguments = json.dumps({"cmd": "python3 -c print(1)"})
    call = {"id": "c1", "type": "function", "function": {"name": "exec_shell", "arguments": arguments}}
    stage.upstream.script(answer(completion(None, tool_calls=[call])), answer("done"))
    (choice,) = agent(stage, allowed_languages=languages).chat(model="agent").json()["choices"]
    (record,) = choice["message"]["additional_kwargs"]["mini_agent"]["parsed_tools"]
    assert (record["ok"], record["error"] == "cmd prefix not allowed") == (allowed, not allowed)


def test_clients_cannot_set_options(stage: Stage) -> None:
    """Options in the request body are dropped: only entry and environment count."""
    stage.upstream.script(answer(" "))
    gateway = agent(stage, max_iterations=1)
    gateway.chat(model="agent", max_iterations=9, target_model="other", tool_backend="docker")
    assert len(stage.upstream.requests) == 1


def test_unlisted_agent_and_default_target(stage: Stage) -> None:
    """Without a list, `mini-agent/<target>` and `mini-agent` with a default work; without a default, the exact text."""
    chutes = {"CHUTES_API_BASE": stage.upstream.base, "CHUTES_API_KEY": "k"}
    assert stage.gateway({}, chutes).chat(model="mini-agent/chutes/x").text == "hi there"
    default = {**chutes, "LITELLM_DEFAULT_MODEL": "chutes/last", "LITELLM_DEFAULT_CODE_MODEL": "chutes/first"}
    stage.gateway({}, default).chat(model="mini-agent")
    assert [seen.body["model"] for seen in stage.upstream.requests] == ["x", "first"]
    reply = stage.gateway({}, chutes).chat(model="mini-agent")
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    assert reply.error["message"] == "mini-agent requires 'target_model' or defaults; none found"


def test_target_named_by_the_operator_need_not_be_listed(stage: Stage) -> None:
    """An entry may point at a `provider/name` that clients may not name themselves."""
    gateway = agent(
        stage, {"CHUTES_API_BASE": stage.upstream.base, "CHUTES_API_KEY": "k"}, "mini-agent", target_model="chutes/x"
    )
    assert gateway.chat(model="agent").status == 200
    assert gateway.chat(model="chutes/x").status == 404


def test_agent_of_agents_is_refused(stage: Stage) -> None:
    """A target that is an agent itself is a configuration error, not an endless nest."""
    assert agent(stage, model="mini-agent/agent").chat(model="agent").error["code"] == "provider_not_configured"


@pytest.mark.parametrize("options", [{"max_iterations": "many"}, {"tool_backend": "docker"}, {"tool_backend": "ssh"}])
def test_unusable_options_are_400(stage: Stage, options: dict[str, str]) -> None:
    """A wrong option of the entry is told as a 400, not as a fault of ours."""
    assert agent(stage, **options).chat(model="agent").status == 400


def test_failure_of_the_target_keeps_its_status(stage: Stage) -> None:
    """A 429 of the target is a 429 of the agent, streamed or not."""
    stage.upstream.script(refuse(429))
    assert [agent(stage).chat(model="agent", stream=stream).status for stream in (False, True)] == [429, 429]
