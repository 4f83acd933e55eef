"""What the gateway does for chat it does for every dialect: keys, users, memory, tools, sessions, defaults, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mini_agent.app import Ports
from mini_agent.dialects import Dialect
from mini_agent.dialects.names import CONVERSATION
from mini_agent.memory.context import OPEN
from support.dialect_listener import hear, listen, server_events
from support.dialect_requests import REQUESTS
from support.dialect_scripts import Call, Script, Thought, Words, speak, wire
from support.dialect_world import GROUP, MODES, PATH, DialectWorld, entries
from support.gateway import Gateway, Stage
from support.hand_clock import HandClock, pass_time
from support.http_client import Reply
from support.memory_service import MEMORY_KEY
from support.protocols import violations
from support.upstream import pieces, refuse

CHAT, MESSAGES, RESPONSES = Dialect
SAYS = Script((Words("Green tea."),))
PAIRS = [(caller, provider) for caller in Dialect for provider in Dialect]
pair = pytest.mark.parametrize(("caller", "provider"), PAIRS, ids=["-".join(both) for both in PAIRS])
each = pytest.mark.parametrize("caller", Dialect)
KEY = "mk-0123456789abcdef"
JSON = {"content-type": "application/json"}


def _ask(
    gateway: Gateway, caller: Dialect, provider: Dialect, headers: dict[str, str] | None = None, **more: Any
) -> Reply:
    return gateway.post(PATH[caller], {**REQUESTS["plain"](caller), "model": GROUP[provider], **more}, headers)


@each
def test_both_headers_carry_the_key_and_refusals_are_in_the_caller_s_envelope(stage: Stage, caller: Dialect) -> None:
    """`x-api-key` is Anthropic's, `Authorization` everybody's; a wrong one is refused in the client's envelope."""
    stage.upstream.script(speak(SAYS))
    gateway = stage.gateway({"model_list": entries(stage), "general_settings": {"master_key": KEY}})
    for headers in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
        assert _ask(gateway, caller, CHAT, headers).status == 200
    assert all(seen.header("x-api-key") is None for seen in stage.upstream.requests)
    for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong", "x-api-key": KEY}):
        reply = _ask(gateway, caller, CHAT, headers)
        assert (reply.status, reply.json()["error"]["type"]) == (401, "authentication_error")
        assert (caller is MESSAGES) == (violations("anthropic_messages", "error", reply.json()) == [])


@each
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "not valid JSON"),
        (b"[]", 400, "object"),
        (b"{}", 400, "Missing required parameter: 'model'"),
        (b'{"model": "m1"}', 400, "Missing required parameter"),
        (b'{"model": 3, "messages": [{}], "input": "x"}', 400, "expected string"),
        (b'{"model": "by-chat", "messages": ["x"], "input": ["x"]}', 400, "expected object"),
        (b'{"model": "by-chat", "messages": [{}], "input": "x", "stream": "yes"}', 400, "stream|role"),
        (b'{"model": "nobody", "messages": [{"role": "user", "content": "x"}], "input": "x"}', 404, "not found"),
    ],
)
def test_bad_input_is_told_in_the_caller_s_envelope(
    stage: Stage, caller: Dialect, body: bytes, status: int, words: str
) -> None:
    """Whatever is wrong with a request, its client can read it."""
    reply = stage.gateway({"model_list": entries(stage)}).request("POST", PATH[caller], body, JSON)
    assert reply.status == status
    error = reply.json()["error"]
    assert any(word in error["message"] for word in words.split("|"))
    if caller is MESSAGES:
        assert violations(caller, "error", reply.json()) == []
    else:
        assert error["request_id"] == reply.headers["x-request-id"]
    assert stage.upstream.requests == []


@pair
@pytest.mark.parametrize("strategy", ["system", "user_prefix", "user_suffix", "dual"])
def test_memory_of_the_user_is_in_what_the_provider_sees(
    stage: Stage, caller: Dialect, provider: Dialect, strategy: str
) -> None:
    """Asked with what the user said, found under the user's own container, and put where the strategy says."""
    memory = stage.memory_service()
    memory.remember("supermemory_ada", "Ada drinks green tea.")
    stage.upstream.script(speak(SAYS))
    root = {"model_list": entries(stage), "context_retrieval": memory.section(injection_strategy=strategy)}
    gateway = stage.gateway(root)
    for stream in (False, True):
        stage.upstream.forget()
        reply = _ask(gateway, caller, provider, {"x-memory-user-id": "ada"}, stream=stream)
        assert reply.status == 200
        (seen,) = stage.upstream.requests
        assert violations(provider, "request", seen.body) == []
        text = json.dumps(seen.body)
        assert text.count("Ada drinks green tea.") == 1
        assert OPEN in text
        assert seen.header("x-sm-user-id") == "ada"
    assert {(asked.body["q"], asked.body["containerTag"]) for asked in memory.requests} == {("hi", "supermemory_ada")}


@pair
@pytest.mark.parametrize("stream", [False, True])
def test_tools_of_the_gateway_run_for_every_caller(
    stage: Stage, caller: Dialect, provider: Dialect, stream: bool
) -> None:
    """The model's calls are run, their results go back with its own thought, and the client sees the answer alone."""
    memory = stage.memory_service()
    memory.remember("supermemory_ada", {"content": "Ada drinks green tea.", "score": 0.5})
    section = {"supermemory_api_key": MEMORY_KEY, "supermemory_base_url": memory.base}
    general = {"master_key": KEY, "memory_hosts": ["127.0.0.1"]}
    root = {"model_list": entries(stage), "tool_execution": section, "general_settings": general}
    gateway = stage.gateway(root, headers={"x-memory-user-id": "ada", "x-api-key": KEY})
    call = Call("c1", "supermemoryToolSearch", '{"query": "drinks"}')
    asks = Script((Thought("I look."), Words("Wait. "), call), finish="tool_calls")
    stage.upstream.script(speak(asks), speak(SAYS))
    options = {"stream_options": {"include_usage": True}} if caller is CHAT and stream else {}
    reply = _ask(gateway, caller, provider, stream=stream, **options)
    assert reply.status == 200
    heard = listen(caller, reply.body) if stream else hear(caller, reply.json())
    assert (heard.calls, heard.finish) == ((), "stop")
    assert heard.text == ("Wait. Green tea." if stream else "Green tea.")
    assert heard.usage == (60, 24, 16, 8, 10)
    first, second = (seen.body for seen in stage.upstream.requests)
    assert {tool.get("name") or tool["function"]["name"] for tool in first["tools"]} >= {call.name}
    assert violations(provider, "request", second) == []
    text = json.dumps(second)
    assert "Found 1 results" in text
    assert "Ada drinks green tea." in text
    assert "I look." in text


def _with_memory_tools(stage: Stage) -> Gateway:
    """Return a gateway that puts memory's tools on offer."""
    section = {"supermemory_api_key": MEMORY_KEY, "supermemory_base_url": stage.memory_service().base}
    general = {"master_key": KEY, "memory_hosts": ["127.0.0.1"]}
    root = {"model_list": entries(stage), "tool_execution": section, "general_settings": general}
    return stage.gateway(root, headers={"x-memory-user-id": "ada", "x-api-key": KEY})


@pair
def test_calls_that_cannot_run_break_no_conversation(stage: Stage, caller: Dialect, provider: Dialect) -> None:
    """Cut-off arguments and ids that come twice are put right in what the provider reads of its own turns."""
    gateway = _with_memory_tools(stage)
    asks = Script((Call("c1", "supermemoryToolSearch", '{"query": "dri'),), finish="tool_calls")
    stage.upstream.script(speak(asks), speak(asks), speak(SAYS))
    reply = _ask(gateway, caller, provider, stream=True)
    assert listen(caller, reply.body).text == "Green tea."
    last = stage.upstream.requests[2].body
    assert violations(provider, "request", last) == []
    text = json.dumps(last)
    assert ("dri" in text, text.count('"c1"'), text.count('"c1_2"')) == (False, 2, 2)
    assert "cut off before its arguments were complete" in text


@pair
def test_a_stream_of_which_nothing_was_seen_fails_with_a_status(
    stage: Stage, caller: Dialect, provider: Dialect
) -> None:
    """Whoever has seen nothing but calls of the gateway's tools gets the next turn's failure as an answer."""
    gateway = _with_memory_tools(stage)
    asks = Script((Call("c1", "supermemoryToolSearch", '{"query": "x"}'),), finish="tool_calls")
    stage.upstream.script(speak(asks), refuse(429))
    assert _ask(gateway, caller, provider, stream=True).status == 429


@each
def test_a_client_that_brings_its_own_tools_is_left_alone(stage: Stage, caller: Dialect) -> None:
    """They are neither run nor hidden, and nothing is added to them."""
    general = {"master_key": KEY, "memory_hosts": ["127.0.0.1"]}
    section = {"supermemory_api_key": MEMORY_KEY, "supermemory_base_url": "http://127.0.0.1:9"}
    root = {"model_list": entries(stage), "tool_execution": section, "general_settings": general}
    gateway = stage.gateway(root, headers={"x-api-key": KEY})
    stage.upstream.script(speak(Script((Call("c1", "look", "{}"),), finish="tool_calls")))
    body = {**REQUESTS["tools"](caller), "model": GROUP[caller]}
    assert hear(caller, gateway.post(PATH[caller], body).json()).calls == (("c1", "look", {}),)
    (seen,) = stage.upstream.requests
    assert seen.body["tools"] == body["tools"]


@pair
def test_headers_of_a_protocol_travel_to_providers_of_it(stage: Stage, caller: Dialect, provider: Dialect) -> None:
    """Versions and features of a protocol mean something to its own providers only; the key is the operator's."""
    stage.upstream.script(speak(SAYS))
    gateway = stage.gateway({"model_list": entries(stage, extra_headers={"x-team": "blue"})})
    sent = {"anthropic-version": "2024-01-01", "anthropic-beta": "feat-a", "openai-beta": "feat-b"}
    assert _ask(gateway, caller, provider, {**sent, "x-api-key": "theirs", "cookie": "a=b"}).status == 200
    (seen,) = stage.upstream.requests
    assert seen.header("x-team") == "blue"
    assert seen.header("cookie") is None
    to_anthropic = provider is MESSAGES
    same = caller is provider or MESSAGES not in (caller, provider)
    key = (
        ("x-api-key", "sk-upstream-0123456789") if to_anthropic else ("authorization", "Bearer sk-upstream-0123456789")
    )
    assert seen.header(key[0]) == key[1]
    assert seen.header("x-api-key" if not to_anthropic else "authorization") is None
    version = "2024-01-01" if same else "2023-06-01"
    assert seen.header("anthropic-version") == (version if to_anthropic else None)
    assert seen.header("anthropic-beta") == ("feat-a" if to_anthropic and same else None)
    assert seen.header("openai-beta") == ("feat-b" if same and not to_anthropic else None)


def test_features_behind_a_model_s_name_join_those_of_the_client(stage: Stage) -> None:
    """`model,feature` is a header to a provider of Anthropic's dialect, whoever asks."""
    stage.upstream.script(speak(SAYS))
    gateway = stage.gateway({"model_list": entries(stage)})
    body = {**REQUESTS["plain"](MESSAGES), "model": "by-messages,feat-b"}
    assert gateway.post(PATH[MESSAGES], body, {"anthropic-beta": "feat-a"}).status == 200
    assert stage.upstream.requests[0].header("anthropic-beta") == "feat-a,feat-b"


@pair
def test_what_the_operator_configured_is_the_provider_s_word(stage: Stage, caller: Dialect, provider: Dialect) -> None:
    """Defaults of an entry are parameters of its provider, for every caller; what a caller says itself wins."""
    stage.upstream.script(speak(SAYS))
    limit = {CHAT: "max_completion_tokens", MESSAGES: "max_tokens", RESPONSES: "max_output_tokens"}
    defaults = {limit[provider]: 77, "temperature": 0.5, "top_p": 0.25}
    gateway = stage.gateway({"model_list": entries(stage, **defaults)})
    body = {**REQUESTS["plain"](caller), "model": GROUP[provider], "temperature": 1}
    body.pop("max_tokens", None)
    assert gateway.post(PATH[caller], body).status == 200
    (seen,) = stage.upstream.requests
    assert [seen.body[name] for name in (limit[provider], "temperature", "top_p")] == [77, 1, 0.25]


@each
def test_the_operator_may_have_unknown_parameters_dropped(stage: Stage, caller: Dialect) -> None:
    """`litellm_settings.drop_params` drops what no rule knows, by name."""
    stage.upstream.script(speak(SAYS))
    gateway = stage.gateway({"model_list": entries(stage), "litellm_settings": {"drop_params": True}})
    provider = CHAT if caller is MESSAGES else MESSAGES
    reply = _ask(gateway, caller, provider, min_p=0.1)
    assert (reply.status, reply.headers["x-mini-agent-dropped"]) == (200, "min_p")


@each
@pytest.mark.parametrize("stream", [False, True])
def test_scripted_answers_and_agents_speak_every_dialect(stage: Stage, caller: Dialect, stream: bool) -> None:
    """Shim mode, dummy models and `mini-agent/` models answer whoever asks, in its own dialect."""
    stage.upstream.script(speak(SAYS))
    shim = stage.gateway({}, {"MINI_AGENT_OPENAI_SHIM_MODE": "echo", "MINI_AGENT_OPENAI_SHIM_REPLY": "canned"})
    dummy = stage.gateway({}, {"MINI_AGENT_ALLOW_DUMMY": "1"})
    agent = stage.gateway({"model_list": [*entries(stage), stage.entry("agent", "mini-agent/by-messages")]})
    said = []
    for gateway, model in ((shim, "anything"), (dummy, "dummy"), (agent, "agent")):
        reply = gateway.post(PATH[caller], {**REQUESTS["plain"](caller), "model": model, "stream": stream})
        assert reply.status == 200, reply.body
        said.append((listen(caller, reply.body) if stream else hear(caller, _complete(reply))).text)
    assert said == ["canned", "hello", "Green tea."]


def _complete(reply: Reply) -> dict[str, Any]:
    """Return an answer with what a strict client of chat expects of usage, of all providers."""
    body: dict[str, Any] = reply.json()
    if "choices" in body:
        details = {"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}}
        body["usage"] |= {**details, "completion_tokens_details": {"reasoning_tokens": 0}}
    return body


@each
def test_silence_is_broken_in_the_caller_s_way(stage: Stage, caller: Dialect) -> None:
    """While the provider thinks, a client of Messages gets `ping`, the others a comment."""
    events = wire(caller, SAYS.events(caller)).split(b"\n\n", 1)
    stage.upstream.script(pieces(events[0] + b"\n\n", "wait", events[1]))
    clock = HandClock()
    gateway = stage.gateway({"model_list": entries(stage)}, ports=Ports(clock=clock))
    body = {**REQUESTS["plain"](caller), "model": GROUP[caller], "stream": True}
    connection = gateway.open_stream(body, PATH[caller])
    try:
        response = connection.getresponse()
        first = response.readline()
        stage.loop.run(pass_time(clock, 15.0))
        stage.upstream.release.set()
        told = first + response.read()
    finally:
        connection.close()
    sign = b'event: ping\ndata: {"type":"ping"}\n\n' if caller is MESSAGES else b": keep-alive\n\n"
    assert sign in told
    assert listen(caller, told).text == "Green tea."


@each
@pytest.mark.parametrize("provider", Dialect)
def test_a_client_that_leaves_cancels_the_provider_s_request(stage: Stage, caller: Dialect, provider: Dialect) -> None:
    """Whatever is translated in between: nobody is left to think for nobody."""
    begun = wire(provider, SAYS.events(provider)[:4], done=False)
    stage.upstream.script(pieces(begun, end="hang"))
    gateway = stage.gateway({"model_list": entries(stage)})
    body = {**REQUESTS["plain"](caller), "model": GROUP[provider], "stream": True}
    connection = gateway.open_stream(body, PATH[caller])
    stage.upstream.wait_requests(1)
    connection.getresponse().readline()
    connection.close()
    assert stage.upstream.wait_dropped(1.0)


@each
def test_a_thought_of_somebody_else_never_reaches_a_provider_of_the_caller_s_dialect(
    stage: Stage, caller: Dialect
) -> None:
    """A conversation that moves to a provider of its own dialect leaves the first one's thoughts behind."""
    other = CHAT if caller is not CHAT else RESPONSES
    stage.upstream.script(speak(Script((Thought("Hm."), Words("x")))))
    gateway = stage.gateway({"model_list": entries(stage)})
    got = _ask(gateway, caller, other).json()
    body = REQUESTS["plain"](caller)
    match caller:
        case Dialect.CHAT:
            body["messages"].append(got["choices"][0]["message"])
        case Dialect.MESSAGES:
            body["messages"].append({"role": "assistant", "content": got["content"]})
        case Dialect.RESPONSES:
            body["input"] += got["output"]
    assert "mini-agent.1." in json.dumps(body)
    stage.upstream.forget()
    assert gateway.post(PATH[caller], {**body, "model": GROUP[caller]}).status == 200
    assert "mini-agent.1." not in json.dumps(stage.upstream.requests[0].body)


def test_an_agent_gives_a_model_its_own_thought_back(stage: Stage) -> None:
    """Between the turns of a run, too: a provider refuses calls whose thought is missing."""
    asks = Script((Thought("I run it."), Call("c1", "research_echo", '{"query": "x"}')), finish="tool_calls")
    stage.upstream.script(speak(asks), speak(SAYS))
    gateway = stage.gateway({"model_list": entries(stage)})
    body = {"model": "by-messages", "messages": [{"role": "user", "content": "hi"}], "use_tools": True}
    reply = gateway.post("/agent/run", body)
    assert (reply.status, reply.json()["final_answer"]) == (200, "Green tea.")
    second = stage.upstream.requests[1].body["messages"]
    assert second[1]["content"][0] == asks.body(MESSAGES)["content"][0]


def test_provider_errors_are_counted_for_every_dialect(stage: Stage) -> None:
    """Metrics know which client failed, by its own name."""
    gateway = stage.gateway({"model_list": entries(stage)})
    for caller in Dialect:
        for provider in Dialect:
            assert _ask(gateway, caller, provider).status in (200, 502)
    for name, group in (("anthropic_http", "by-messages"), ("openai_responses", "by-responses")):
        code = "invalid_provider_response"
        assert gateway.metric("mini_agent_provider_errors_total", provider=name, group=group, code=code) == 3


@pytest.mark.parametrize("mode", MODES)
def test_users_are_kept_apart_in_every_dialect(world: DialectWorld, mode: str) -> None:
    """The user of a request is the user of its provider request, whatever is translated in between."""
    world.provider.script(speak(SAYS))
    for caller in Dialect:
        for provider in Dialect:
            for user in ("ada", "bob"):
                reply = world.ask(mode, caller, provider, world.plain(caller), {"x-memory-user-id": user})
                assert reply.status == 200
                assert [seen.header("x-sm-user-id") for seen in world.provider.requests] == [user]


def test_an_entry_names_its_dialect(stage: Stage) -> None:
    """`model_info.dialect` overrides what the provider's name says; a name that is none is a configuration error."""
    stage.upstream.script(speak(SAYS))
    entry = {**stage.entry("m", "hosted_vllm/x"), "model_info": {"dialect": "anthropic_messages"}}
    gateway = stage.gateway({"model_list": [entry]})
    reply = gateway.chat(model="m")
    assert (reply.text, reply.headers["x-mini-agent-provider"]) == ("Green tea.", "anthropic_http")
    assert [seen.path for seen in stage.upstream.requests] == ["/v1/messages"]
    for info in ({"dialect": "esperanto"}, {"dialect": "openai_responses", "transport": "sdk"}):
        with pytest.raises(Exception, match=r"model_list\.0\.model_info"):
            stage.gateway({"model_list": [{**entry, "model_info": info}]})


@each
def test_events_of_a_provider_are_framed_as_the_caller_s_protocol_has_it(stage: Stage, caller: Dialect) -> None:
    """Equal dialects pass every event, the names of those that nobody knows included."""
    events = SAYS.events(caller)
    if caller is not CHAT:
        events.insert(2, {"type": "brand_new", "sequence_number": 2, "x": 1})
    stage.upstream.script(pieces(wire(caller, events)))
    reply = _ask(stage.gateway({"model_list": entries(stage)}), caller, caller, stream=True)
    assert server_events(caller, reply.body) == events


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", Dialect)
def test_a_thread_is_refused_in_the_words_that_the_sdk_goes_on_without_it(
    stage: Stage, mode: str, provider: Dialect
) -> None:
    """A provider would hold the conversation under the gateway's key, and take no memory in a later turn."""
    world = DialectWorld(stage)
    reply = world.ask(mode, MESSAGES, provider, REQUESTS["plain"](MESSAGES) | {"thread": {"type": "create"}})
    error = reply.json()["error"]
    assert (reply.status, error["type"]) == (400, "invalid_request_error")
    # Not in the published schema; the SDK reads it (anthropic 2.14, `lib/threads`).
    assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert world.provider.requests == []


@each
def test_a_turn_that_brings_results_of_tools_is_remembered_by_the_question(stage: Stage, caller: Dialect) -> None:
    """Every turn of an agent's loop has the memory that its question had: a result of a tool asks for nothing."""
    stage.upstream.script(speak(SAYS))
    memory = stage.memory_service()
    memory.remember("supermemory_alice", "Alice drinks tea.")
    gateway = stage.gateway({"model_list": entries(stage), "context_retrieval": memory.section()})
    body = {**REQUESTS["results"](caller), "model": GROUP[caller]}
    conversation = CONVERSATION[caller]
    del body[conversation][-1]  # what was said after the results
    assert gateway.post(PATH[caller], body, {"x-memory-user-id": "alice"}).status == 200
    assert "Alice drinks tea." in stage.upstream.requests[-1].raw.decode()
    assert memory.requests[-1].body["q"] == "where?"
