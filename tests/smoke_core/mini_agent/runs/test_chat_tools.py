"""Chat with tools that the gateway runs: memory tools at memory hosts, and those of MCP servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from support.gateway import Gateway, Stage
from support.http_client import Reply, events_of
from support.mcp_servers.http_server import serve_mcp
from support.memory_service import MEMORY_KEY
from support.tool_calls import call
from support.upstream import Behaviour, answer, chunk, completion, finish_chunk, hang, refuse, stream_of, usage_chunk

SEARCH = "supermemoryToolSearch"
BOTH = [SEARCH, "supermemoryToolGetDocument"]
USER = {"role": "user", "content": "what do I drink?"}
ADA = {"x-memory-user-id": "ada"}
MASTER = "mk-chat-tools"


class Scene:
    """A memory host, its memory service, and a gateway between client and both."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.memory, self.provider = stage, stage.memory_service(), stage.upstream
        self.memory.remember("supermemory_ada", {"content": "Ada drinks green tea.", "score": 0.5})

    def gateway(self, hosts: list[str] | None = None, more: Mapping[str, Any] | None = None, **options: Any) -> Gateway:
        """Start a gateway whose tool section has these options."""
        section = {"supermemory_api_key": MEMORY_KEY, "supermemory_base_url": self.memory.base, **options}
        general = {"master_key": MASTER, "memory_hosts": ["127.0.0.1"] if hosts is None else hosts}
        root = {
            "model_list": [self.stage.entry()],
            "general_settings": general,
            "tool_execution": section,
            **(more or {}),
        }
        return self.stage.gateway(root, headers={**ADA, "authorization": f"Bearer {MASTER}"})

    def messages(self, number: int = -1) -> list[dict[str, Any]]:
        """Return the messages of a request that the provider saw."""
        found: list[dict[str, Any]] = self.provider.requests[number].body["messages"]
        return found

    def offered(self, number: int = -1) -> list[str] | None:
        """Return the names of the tools that the provider was offered."""
        tools = self.provider.requests[number].body.get("tools")
        return tools and [tool["function"]["name"] for tool in tools]


@pytest.fixture
def scene(stage: Stage) -> Scene:
    """A scene on the stage."""
    return Scene(stage)


def asks(*calls: dict[str, Any], content: str | None = None) -> Behaviour:
    """Answer with tool calls."""
    return answer(completion(content, tool_calls=list(calls)))


def chat(gateway: Gateway, **more: Any) -> Reply:
    """Ask what ada drinks."""
    return gateway.post("/v1/chat/completions", {"model": "m1", "messages": [USER], **more})


def test_the_model_searches_memory_and_then_answers(scene: Scene) -> None:
    """The tools are offered, the call is run for the user, its reply goes back, and the client gets the answer."""
    scene.provider.script(asks(call(SEARCH, {"query": "drinks"}, "c1"), content="looking"), answer("Green tea."))
    reply = chat(scene.gateway())
    assert (reply.status, reply.text) == (200, "Green tea.")
    used = reply.json()["usage"]
    assert (used["prompt_tokens"], used["completion_tokens"], used["total_tokens"]) == (6, 8, 14)
    assert reply.headers["x-mini-agent-provider"] == "openai_http"
    assert scene.offered(0) == scene.offered(1) == BOTH
    user, assistant, tool = scene.messages()
    assert user == USER
    assert (assistant["content"], assistant["tool_calls"]) == ("looking", [call(SEARCH, {"query": "drinks"}, "c1")])
    assert (tool["role"], tool["tool_call_id"]) == ("tool", "c1")
    assert tool["content"].startswith("Found 1 results")
    assert "Ada drinks green tea." in tool["content"]
    (asked,) = scene.memory.requests
    assert (asked.body["containerTag"], asked.header("x-sm-user-id")) == ("supermemory_ada", "ada")


def test_an_answer_without_calls_is_the_providers_bytes(scene: Scene) -> None:
    """Offering tools changes nothing of an answer that uses none."""
    raw = json.dumps({**completion("hi"), "extra": 1}, indent=2).encode()
    scene.provider.script(answer(raw))
    assert chat(scene.gateway()).body == raw


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": SEARCH}}]},
        {"functions": [{"name": SEARCH}]},
        {"tool_choice": "none"},
        {"n": 2},
    ],
)
def test_a_client_that_decides_about_tools_itself_is_left_alone(scene: Scene, more: dict[str, Any]) -> None:
    """Its tools are neither run nor hidden, whatever their names."""
    scene.provider.script(asks(call(SEARCH, {"query": "x"}, "c1")))
    reply = chat(scene.gateway(), **more)
    assert reply.json()["choices"][0]["message"]["tool_calls"] == [call(SEARCH, {"query": "x"}, "c1")]
    assert scene.provider.requests[0].body == {"model": "gpt-up", "messages": [USER], **more}
    assert scene.memory.requests == []


@pytest.mark.parametrize("why", ["disabled", "no key", "other host", "routing off", "agent"])
def test_memory_tools_are_for_memory_hosts_with_a_key_and_a_user(scene: Scene, why: str) -> None:
    """Everywhere else nothing is offered."""
    if why == "disabled":
        gateway = scene.gateway(enabled=False)
    elif why == "no key":
        gateway = scene.gateway(supermemory_api_key=None)
    elif why == "other host":
        gateway = scene.gateway(hosts=["supermemory.ai"])
    elif why == "routing off":
        gateway = scene.gateway()
        gateway = scene.stage.gateway(
            {"model_list": [scene.stage.entry()], "tool_execution": {"supermemory_api_key": MEMORY_KEY}},
            {"MINI_AGENT_MEMORY_ROUTING": "0"},
        )
    else:
        agent = {"model_name": "m1", "litellm_params": {"model": "mini-agent/m2"}}
        gateway = scene.gateway(more={"model_list": [agent, scene.stage.entry("m2")]})
    assert chat(gateway).status == 200
    assert set(scene.offered() or ()).isdisjoint(BOTH)


def test_calls_end_at_the_limit_with_length_and_without_calls(scene: Scene) -> None:
    """The last response is returned when the model never stops calling."""
    scene.provider.script(asks(call(SEARCH, {"query": "x"}, "c1"), content="still looking"))
    reply = chat(scene.gateway(max_iterations=3))
    (choice,) = reply.json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "still looking")
    assert "tool_calls" not in choice["message"]
    assert (len(scene.provider.requests), len(scene.memory.requests)) == (3, 2)
    assert reply.json()["usage"]["total_tokens"] == 21


def test_every_id_has_a_reply_also_for_calls_that_cannot_run(scene: Scene) -> None:
    """Cut off, unknown, without arguments, without an id: each is answered, in order, and the model goes on."""
    calls = [
        call(SEARCH, '{"query": "te', "cut"),
        call("exec_shell", {"cmd": "rm"}, "unknown"),
        call(SEARCH, "", "empty"),
        {"type": "function", "function": {"name": SEARCH, "arguments": None}},
        call(SEARCH, {"query": "tea"}, "good"),
    ]
    scene.provider.script(asks(*calls), answer("done"))
    assert chat(scene.gateway()).text == "done"
    _, assistant, *replies = scene.messages()
    assert [item["id"] for item in assistant["tool_calls"]] == [item["tool_call_id"] for item in replies]
    assert all(json.loads(item["function"]["arguments"]) is not None for item in assistant["tool_calls"])
    cut, unknown, empty, null, good = (reply["content"] for reply in replies)
    assert cut == f"error: call 'cut' of tool '{SEARCH}' was cut off before its arguments were complete"
    assert unknown == "error: unsupported tool 'exec_shell'"
    assert "missing_parameter" in empty
    assert "missing_parameter" in null
    assert good.startswith("Found 1 results")


def test_calls_of_an_answer_without_finish_reason_do_not_run(scene: Scene) -> None:
    """Who was cut off may not have meant what is there."""
    cut = completion(None, tool_calls=[call(SEARCH, {"query": "x"}, "c1")])
    cut["choices"][0]["finish_reason"] = None
    scene.provider.script(answer(cut), answer("done"))
    assert chat(scene.gateway()).text == "done"
    assert scene.memory.requests == []
    assert "'c1'" in scene.messages()[-1]["content"]


def test_a_slow_tool_is_given_up_after_its_time(scene: Scene) -> None:
    """The model reads of the timeout, and the request goes on."""
    scene.memory.script(hang())
    scene.provider.script(asks(call(SEARCH, {"query": "x"}, "c1")), answer("done"))
    assert chat(scene.gateway(timeout_per_tool=0.05)).text == "done"
    assert scene.messages()[-1]["content"] == "error: timeout after 0.05s"
    assert scene.memory.wait_dropped()


def test_failure_of_the_second_call_keeps_its_status(scene: Scene) -> None:
    """Plain or streamed: nothing was sent yet, so the client gets the provider's error."""
    for stream in (False, True):
        first = stream_of(deltas(call(SEARCH, {"query": "x"}))) if stream else asks(call(SEARCH, {"query": "x"}))
        scene.provider.script(first, refuse(429))
        assert chat(scene.gateway(), stream=stream).status == 429


def deltas(*calls: dict[str, Any], text: str = "", reason: str = "tool_calls") -> list[dict[str, Any]]:
    """Return the chunks of a turn that says a text and makes calls, cut into pieces."""
    chunks = [chunk({"content": word}) for word in text.split()]
    for index, item in enumerate(calls):
        arguments = item["function"]["arguments"]
        head = {**item, "index": index, "function": {"name": item["function"]["name"], "arguments": ""}}
        chunks.append(chunk({"tool_calls": [head]}))
        for start in range(0, len(arguments), 4):
            part = {"index": index, "function": {"arguments": arguments[start : start + 4]}}
            chunks.append(chunk({"tool_calls": [part]}))
    return [*chunks, finish_chunk(reason)]


def test_streamed_turns_show_all_but_the_calls(scene: Scene) -> None:
    """Text before the calls and the answer arrive; no tool-call delta, one finish reason, the usage of both turns."""
    calls = [call(SEARCH, {"query": "tea"}, "c1"), call(SEARCH, {"query": "cake"}, "c2")]
    scene.provider.script(
        stream_of([*deltas(*calls, text="let me look"), usage_chunk()]),
        stream_of([chunk({"content": "Green "}), chunk({"content": "tea."}), finish_chunk(), usage_chunk()]),
    )
    reply = chat(scene.gateway(), stream=True, stream_options={"include_usage": True})
    *chunks, done = events_of(reply.body)
    choices = [choice for item in chunks for choice in item["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == "letmelookGreen tea."
    assert not [choice for choice in choices if "tool_calls" in choice["delta"]]
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert [item["usage"]["total_tokens"] for item in chunks if item.get("usage")] == [6]
    assert done == "[DONE]"
    assert [message["role"] for message in scene.messages()] == ["user", "assistant", "tool", "tool"]
    assert scene.messages()[1]["tool_calls"] == calls
    assert {seen.body["q"] for seen in scene.memory.requests} == {"tea", "cake"}


def test_a_stream_without_calls_is_relayed_as_it_comes(scene: Scene) -> None:
    """Every chunk is there, with its null `tool_calls`, and the usage is the provider's."""
    sent = [chunk({"role": "assistant", "tool_calls": None}), chunk({"content": "hi"}), finish_chunk(), usage_chunk()]
    scene.provider.script(stream_of(sent))
    assert events_of(chat(scene.gateway(), stream=True).body) == [*sent, "[DONE]"]


def test_a_stream_at_the_limit_ends_with_length(scene: Scene) -> None:
    """The last turn's calls are withheld, and the stream still ends properly."""
    scene.provider.script(stream_of(deltas(call(SEARCH, {"query": "x"}), text="hm")))
    *chunks, last, done = events_of(chat(scene.gateway(max_iterations=2), stream=True).body)
    assert (last["choices"][0]["finish_reason"], last["choices"][0]["delta"], done) == ("length", {}, "[DONE]")
    assert [item["choices"][0]["delta"] for item in chunks] == [{"content": "hm"}, {"content": "hm"}]


def test_a_client_that_leaves_ends_the_running_tool(scene: Scene) -> None:
    """Disconnecting cancels what the tool asked for."""
    scene.memory.script(hang())
    scene.provider.script(stream_of(deltas(call(SEARCH, {"query": "x"}))))
    gateway = scene.gateway()
    connection = gateway.open_stream({"model": "m1", "messages": [USER], "stream": True})
    scene.memory.wait_requests()
    connection.close()
    assert scene.memory.wait_dropped(1.0)


def test_mcp_tools_are_offered_at_any_host_and_run(scene: Scene) -> None:
    """Tools of MCP servers and of memory stand side by side; a failing server takes only its own away."""
    with serve_mcp() as server:
        down = {"transport": "http", "url": "http://127.0.0.1:1/mcp", "timeout": 5}
        servers = {"mcp_servers": {"web": {"transport": "http", "url": server.url}, "down": down}}
        gateway = scene.gateway(hosts=[], more=servers)
        scene.provider.script(asks(call("add", {"a": 2, "b": 3}, "c1")), answer("5"))
        assert chat(gateway).text == "5"
        assert "add" in (scene.offered() or [])
        assert scene.messages()[-1] == {"role": "tool", "tool_call_id": "c1", "content": "5"}
        scene.provider.script(answer("hi"))
        assert chat(scene.gateway(more=servers)).text == "hi"
        assert (scene.offered() or [])[:3] == [*BOTH, "add"]


@pytest.mark.parametrize("stream", [False, True])
def test_without_any_tool_the_provider_is_asked_as_it_was(scene: Scene, stream: bool) -> None:
    """When no MCP server answers, the request goes out unchanged."""
    down = {"mcp_servers": {"down": {"transport": "http", "url": "http://127.0.0.1:1/mcp", "timeout": 5}}}
    scene.provider.script(stream_of([chunk({"content": "hi"}), finish_chunk()]) if stream else answer("hi"))
    assert chat(scene.gateway(hosts=[], more=down), stream=stream).status == 200
    assert "tools" not in scene.provider.requests[0].body


@pytest.mark.parametrize("usage", [None, [1], "many", {"prompt_tokens": "7"}, {"prompt_tokens": 5}])
def test_odd_answers_after_a_tool_turn_stay_answers(scene: Scene, usage: Any) -> None:
    """Whatever a provider says of its usage, plain and streamed, the answer arrives; sums count numbers only."""
    gateway, asked = scene.gateway(), call(SEARCH, {"query": "x"})
    scene.provider.script(asks(asked), answer({**completion("hi"), "usage": usage}))
    total = 12 if usage == {"prompt_tokens": 5} else 7
    assert chat(gateway).json()["usage"]["total_tokens"] == total
    scene.provider.script(
        stream_of([*deltas(asked), {**usage_chunk(), "usage": {"completion_tokens": 7}}]),
        stream_of([chunk({"content": "hi"}), {**finish_chunk(), "usage": usage}]),
    )
    *_, last, used, done = events_of(chat(gateway, stream=True, stream_options={"include_usage": True}).body)
    assert done == "[DONE]"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert used["usage"]["total_tokens"] == total


def test_odd_choices_are_passed_on(scene: Scene) -> None:
    """No choice, or a message that is no object: nothing to run, nothing changed."""
    for odd in ({"choices": []}, {"choices": [{"message": "x"}]}, {"choices": [3], "usage": "x"}):
        scene.provider.script(answer(odd))
        assert chat(scene.gateway()).json() == odd
