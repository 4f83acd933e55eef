"""`/agent/run` over HTTP: every backend, its metrics, its errors and its limits."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from mini_agent.agent.tool_values import function_spec
from support.gateway import Gateway, Stage
from support.http_client import Reply
from support.processes import ended, read_pids
from support.tool_host import Reply as ToolReply
from support.upstream import answer, completion, hang, held, refuse

USER = [{"role": "user", "content": "do it"}]
LOOKUP = function_spec("lookup", "Look up.", {"q": {"type": "string"}})


def call(name: str, arguments: Any, call_id: str = "c1") -> dict[str, Any]:
    """Returns: one tool call of a model."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def calling(*calls: dict[str, Any]) -> Any:
    """Returns: the behaviour of a model that makes these calls."""
    return answer(completion(None, tool_calls=list(calls)))


def agent(gateway: Gateway, headers: dict[str, str] | None = None, **fields: Any) -> Reply:
    """Returns: the answer of a run of group `m1`."""
    return gateway.post("/agent/run", {"model": "m1", "messages": USER, **fields}, headers)


def test_local_run_uses_a_tool_and_answers(stage: Stage) -> None:
    """Two model calls around one Python tool: answer, whole conversation, metrics and last record."""
    stage.upstream.script(calling(call("exec_python", {"code": "print(6*7)"})), answer("It is 42."))
    reply = agent(stage.gateway(), use_tools=True)
    body = reply.json()
    assert (reply.status, reply.headers["x-mini-agent-provider"]) == (200, "openai_http")
    assert (body["ok"], body["final_answer"], body["stopped_reason"]) == (True, "It is 42.", "success")
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert body["messages"][2]["content"] == "42"
    metrics = body["metrics"]
    assert metrics.pop("ttotal_ms") > 0
    assert metrics == {"iterations": 2, "escalated": False, "used_model": "m1", "simulated": False}
    assert (body["last_tool_invocation"]["rc"], body["last_tool_invocation"]["stdout"]) == (0, "42\n")
    first = stage.upstream.requests[0]
    assert "exec_python" in [tool["function"]["name"] for tool in first.body["tools"]]
    assert first.header("x-mini-agent-hop") == "1"
    assert {seen.header("x-request-id") for seen in stage.upstream.requests} == {reply.headers["x-request-id"]}


def test_tools_are_advertised_only_when_asked(stage: Stage) -> None:
    """`use_tools` is false by default for the local backend, and forced for http."""
    host = stage.tool_host([LOOKUP])
    gateway = stage.gateway()
    agent(gateway)
    agent(gateway, tool_backend="http", tool_http_base_url=host.url)
    plain, forced = (seen.body for seen in stage.upstream.requests)
    assert "tools" not in plain
    assert forced["tools"] == [LOOKUP]


def test_request_headers_beat_environment_headers_on_the_wire(stage: Stage) -> None:
    """Environment `X-Env: A` with request `X-Env: B` and `X-Req: C`: B once as spelled, on both calls, one POST."""
    host = stage.tool_host([LOOKUP], ToolReply({"ok": True, "text": "found"}))
    stage.upstream.script(calling(call("lookup", {"q": "x"})), answer("done"))
    environ = {"MINI_AGENT_TOOL_HTTP_HEADERS": json.dumps({"X-Env": "A", "X-Keep": "K"})}
    headers = {"X-Env": "B", "X-Req": "C"}
    reply = agent(
        stage.gateway(environ=environ),
        tool_backend=" HTTP ",
        tool_http_base_url=f"{host.url}/",
        tool_http_headers=headers,
    )
    assert reply.json()["final_answer"] == "done"
    assert [request.method for request in host.requests] == ["GET", "POST"]
    for request in host.requests:
        assert (request.values("x-env"), request.spellings("x-env")) == (["B"], ["X-Env"])
        assert (request.values("x-req"), request.values("x-keep")) == (["C"], ["K"])
    assert host.posts[0].json()["name"] == "lookup"


def test_tool_host_sees_two_posts_only_after_429(stage: Stage) -> None:
    """A 429 is followed by exactly one further POST; a failing tool is not."""
    host = stage.tool_host([LOOKUP], ToolReply("slow", 429), ToolReply("plain text"))
    stage.upstream.script(calling(call("lookup", {})), answer("done"))
    body = agent(stage.gateway(), tool_backend="http", tool_http_base_url=host.url).json()
    assert (len(host.posts), body["messages"][2]["content"]) == (2, "plain text")
    failing = stage.tool_host([LOOKUP], ToolReply("broken", 500))
    stage.upstream.script(calling(call("lookup", {})), answer("sorry"))
    agent(stage.gateway(), tool_backend="http", tool_http_base_url=failing.url)
    assert len(failing.posts) == 1


def test_listing_failure_means_no_tools_and_the_run_continues(stage: Stage) -> None:
    """A tool host that cannot list leaves the run without tools."""
    host = stage.tool_host(ToolReply("no", 500))
    body = agent(stage.gateway(), tool_backend="http", tool_http_base_url=host.url).json()
    assert (body["final_answer"], "tools" in stage.upstream.requests[0].body) == ("hi there", False)


def test_http_backend_without_base_gives_the_exact_text(gateway: Gateway, stage: Stage) -> None:
    """The exact 400 text, also as `detail`, before any network use."""
    reply = agent(gateway, tool_backend="http")
    assert (reply.status, reply.error["code"]) == (400, "missing_parameter")
    assert reply.error["message"] == reply.json()["detail"] == "tool_http_base_url required for tool_backend=http"
    assert stage.upstream.requests == []


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"messages": None}, 422, "missing_parameter", "messages"),
        ({"messages": []}, 422, "missing_parameter", "messages"),
        ({"messages": "hi"}, 422, "invalid_parameter", "messages"),
        ({"messages": ["hi"]}, 422, "invalid_parameter", "messages"),
        ({"model": ""}, 422, "missing_parameter", "model"),
        ({"model": 7}, 422, "invalid_parameter", "model"),
        ({"max_iterations": "many"}, 422, "invalid_parameter", "max_iterations"),
        ({"max_total_seconds": 0}, 422, "invalid_parameter", "max_total_seconds"),
        ({"tool_timeout_sec": -1}, 422, "invalid_parameter", "tool_timeout_sec"),
        ({"use_tools": "yes"}, 422, "invalid_parameter", "use_tools"),
        ({"tool_concurrency": 0}, 422, "invalid_parameter", "tool_concurrency"),
        ({"tool_http_headers": []}, 422, "invalid_parameter", "tool_http_headers"),
        ({"tool_backend": "ssh"}, 400, "invalid_parameter", "tool_backend"),
        ({"tool_backend": "docker"}, 400, "provider_not_configured", "tool_backend"),
        ({"tool_backend": "mcp"}, 400, "provider_not_configured", None),
        ({"tool_backend": "http", "tool_http_base_url": "ftp://x"}, 400, "invalid_parameter", "tool_http_base_url"),
        ({"model": "nope"}, 404, "model_not_found", "model"),
        ({"escalate_model": "nope", "escalate_on_budget_exceeded": True}, 404, "model_not_found", "model"),
    ],
)
def test_bad_bodies(gateway: Gateway, stage: Stage, fields: Any, status: int, code: str, param: str | None) -> None:
    """Validation is 422, unknown choices are 400 with `detail`, unknown models 404; no model is asked."""
    reply = agent(gateway, **fields)
    assert (reply.status, reply.error["code"], reply.error.get("param")) == (status, code, param)
    assert reply.json().get("detail") == (reply.error["message"] if status == 400 else None)
    assert reply.error["request_id"] == reply.headers["x-request-id"]
    assert stage.upstream.requests == []


def test_unknown_backend_lists_the_valid_ones(gateway: Gateway) -> None:
    """The message names all five."""
    assert "local, http, docker, mcp, echo" in agent(gateway, tool_backend="ssh").error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense"])
def test_body_that_is_not_json_has_a_detail(gateway: Gateway, body: bytes) -> None:
    """Every 400 of this route has `detail`, that of broken JSON too."""
    reply = gateway.post("/agent/run", body)
    assert (reply.status, reply.error["code"], reply.json()["detail"]) == (400, "invalid_json", reply.error["message"])


def test_anonymous_run_is_refused_whatever_the_body(stage: Stage) -> None:
    """The key comes first, and a 401 has no `detail`."""
    gateway = stage.gateway(environ={"MINI_AGENT_MASTER_KEY": "mk-12345"})
    for body in (b"{", b"{}", json.dumps({"model": "m1", "messages": USER}).encode()):
        reply = gateway.post("/agent/run", body)
        assert (reply.status, "detail" in reply.json()) == (401, False)


@pytest.mark.parametrize(("status", "expected"), [(401, 502), (429, 429), (500, 502), (503, 503)])
def test_provider_failure_is_never_200(stage: Stage, status: int, expected: int) -> None:
    """A run whose model fails has the provider's row of the table, and counts as a provider error."""
    stage.upstream.script(refuse(status))
    gateway = stage.gateway()
    reply = agent(gateway)
    assert (reply.status, "detail" in reply.json()) == (expected, False)
    assert gateway.metric("mini_agent_provider_errors_total", group="m1") == 1


def test_unknown_fields_are_ignored_and_cannot_redirect(gateway: Gateway, stage: Stage) -> None:
    """`api_base` and `base_url` in the body change nothing."""
    assert agent(gateway, api_base="http://evil.invalid", base_url="http://evil.invalid", what=1).status == 200
    assert len(stage.upstream.requests) == 1


@pytest.mark.parametrize(("asked", "made"), [(None, 3), (0, 3), (-4, 3), (2, 2)])
def test_iterations_are_bounded_and_counted(stage: Stage, asked: int | None, made: int) -> None:
    """`max_iterations` bounds the model calls, and `metrics.iterations` counts them."""
    stage.upstream.script(answer(" "))
    body = agent(stage.gateway(), max_iterations=asked).json()
    assert (body["metrics"]["iterations"], len(stage.upstream.requests)) == (made, made)
    assert (body["stopped_reason"], body["final_answer"]) == ("max_iterations", None)


def test_fifty_iterations_are_the_most(stage: Stage) -> None:
    """Above 50 becomes 50."""
    stage.upstream.script(answer(""))
    assert agent(stage.gateway(), max_iterations=1000).json()["metrics"]["iterations"] == 50


def test_echo_backend_is_one_call_without_tools(stage: Stage) -> None:
    """One model call, no tools, zero iterations, one assistant message; null content becomes empty text."""
    stage.upstream.script(answer(completion(None)))
    body = agent(stage.gateway(), tool_backend="echo", use_tools=True).json()
    assert body["messages"] == [{"role": "assistant", "content": ""}]
    assert (body["final_answer"], body["stopped_reason"], body["metrics"]["iterations"]) == ("", "success", 0)
    (seen,) = stage.upstream.requests
    assert "tools" not in seen.body


@pytest.mark.parametrize(("asked", "reported"), [(None, 1), (7, 7)])
def test_dummy_model_on_the_local_backend_runs_no_loop(stage: Stage, asked: int | None, reported: int) -> None:
    """With the gate open: one canned message, the asked iterations, `simulated`."""
    gateway = stage.gateway({}, {"MINI_AGENT_ALLOW_DUMMY": "1"})
    reply = agent(gateway, model="dummy", max_iterations=asked)
    body = reply.json()
    assert body["messages"] == [{"role": "assistant", "content": "ok"}]
    assert (body["stopped_reason"], body["metrics"]["iterations"]) == ("success", reported)
    assert body["metrics"]["simulated"] is True
    assert reply.headers["x-mini-agent-provider"] == "scripted"


def test_block_mode_answers_no_run_from_a_script(stage: Stage) -> None:
    """Dummy models and the simulated escalation are refused in block mode."""
    environ = {
        "MINI_AGENT_ALLOW_DUMMY": "1",
        "MINI_AGENT_OPENAI_SHIM_MODE": "block",
        "NDSMOKE_SHORTCIRCUIT_CHUTES": "1",
    }
    gateway = stage.gateway({}, environ)
    escalation = {"escalate_on_budget_exceeded": True, "escalate_model": "chutes/x"}
    for fields in ({}, {"tool_backend": "echo"}, escalation):
        reply = agent(gateway, model="dummy", **fields)
        assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")


def test_simulated_escalation_returns_at_once(stage: Stage) -> None:
    """`NDSMOKE_SHORTCIRCUIT_CHUTES=1` with both options: an empty answer that says it is simulated."""
    gateway = stage.gateway(environ={"NDSMOKE_SHORTCIRCUIT_CHUTES": "1"})
    body = agent(gateway, escalate_on_budget_exceeded=True, escalate_model="chutes/big").json()
    assert (body["final_answer"], body["stopped_reason"]) == ("", "success")
    metrics = body["metrics"]
    metrics.pop("ttotal_ms")
    assert metrics == {"iterations": 0, "escalated": True, "used_model": "chutes/big", "simulated": True}
    assert stage.upstream.requests == []


def test_budget_overrun_makes_exactly_one_escalated_call(stage: Stage) -> None:
    """Out of iterations with escalation: one call more, to the other model, without tools, and reported."""
    config = {"model_list": [stage.entry(), stage.entry("m2", "openai/bigger")]}
    stage.upstream.script(answer(" "), answer(" "), answer("from above"))
    gateway = stage.gateway(config)
    body = agent(
        gateway, max_iterations=2, use_tools=True, escalate_on_budget_exceeded=True, escalate_model="m2"
    ).json()
    assert [seen.body["model"] for seen in stage.upstream.requests] == ["gpt-up", "gpt-up", "bigger"]
    assert "tools" not in stage.upstream.requests[2].body
    assert (body["final_answer"], body["stopped_reason"]) == ("from above", "success")
    assert (body["metrics"]["iterations"], body["metrics"]["escalated"]) == (3, True)
    assert body["metrics"]["used_model"] == "m2"


def test_run_ends_within_half_a_second_of_its_limit(stage: Stage, tmp_path: Any) -> None:
    """A hanging tool with a grandchild that holds the pipes: the run ends in time and no process is left."""
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "child.wait()\n"
    )
    stage.upstream.script(calling(call("exec_python", {"code": code})), answer("never"))
    gateway = stage.gateway(environ={"MINI_AGENT_LOCAL_TOOLS": "unsandboxed"})
    started = time.monotonic()
    body = agent(gateway, use_tools=True, max_total_seconds=2, tool_timeout_sec=600).json()
    assert 2 <= time.monotonic() - started < 2.5
    assert (body["stopped_reason"], body["final_answer"]) == ("budget", None)
    assert body["messages"][-1]["content"] == "error: not executed: time budget exhausted"
    assert all(ended(pid) for pid in read_pids(pids))


def test_hanging_model_is_cut_at_the_limit(stage: Stage) -> None:
    """A model that never answers ends the run as `budget`, and its request is cancelled."""
    stage.upstream.script(hang())
    body = agent(stage.gateway(), max_total_seconds=0.1).json()
    assert (body["stopped_reason"], body["metrics"]["iterations"]) == ("budget", 1)
    assert stage.upstream.wait_dropped(1.0)


def test_client_that_leaves_cancels_the_run(stage: Stage) -> None:
    """Dropping a run cancels its model call within a second."""
    stage.upstream.script(held("never"))
    gateway = stage.gateway()
    connection = gateway.open_stream({"model": "m1", "messages": USER}, "/agent/run")
    stage.upstream.wait_requests()
    connection.close()
    assert stage.upstream.wait_dropped(1.0)


def test_runs_are_counted_by_backend_and_reason(gateway: Gateway) -> None:
    """`mini_agent_agent_runs_total` has both labels."""
    agent(gateway)
    assert gateway.metric("mini_agent_agent_runs_total", backend="local", stopped_reason="success") == 1
    assert gateway.metric("mini_agent_requests_total", route="/agent/run", status="200") == 1


def test_local_tools_can_be_unlisted(stage: Stage) -> None:
    """`MINI_AGENT_LOCAL_TOOLS=0` takes the execution tools away, by list and by call."""
    stage.upstream.script(calling(call("exec_python", {"code": "print(1)"})), answer("done"))
    body = agent(stage.gateway(environ={"MINI_AGENT_LOCAL_TOOLS": "0"}), use_tools=True).json()
    assert body["messages"][2]["content"] == "error: unsupported tool 'exec_python'"
    names = [tool["function"]["name"] for tool in stage.upstream.requests[0].body["tools"]]
    assert not [name for name in names if name.startswith("exec_")]


def test_foreign_tool_host_is_refused_before_any_network_use(stage: Stage) -> None:
    """With an allow-list, another host is a 400 and sees nothing."""
    host = stage.tool_host([LOOKUP])
    gateway = stage.gateway(environ={"MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS": "tools.example"})
    reply = agent(gateway, tool_backend="http", tool_http_base_url=host.url)
    assert (reply.status, reply.error["code"]) == (400, "tool_host_not_allowed")
    assert (host.requests, stage.upstream.requests) == ([], [])
