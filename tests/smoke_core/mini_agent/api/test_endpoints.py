"""Vectors, the rest of a text and counts of tokens, in both modes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.dialect_requests import REQUESTS
from support.dialect_world import GROUP, MODES, DialectWorld
from support.gateway import UPSTREAM_KEY, Stage
from support.http_client import events_of
from support.memory_service import results
from support.upstream import answer, pieces, refuse, sse

ADA = {"x-memory-user-id": "ada"}
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "model": "up",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
TEXT = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "up",
    "choices": [{"text": " and on", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectWorld]:
    """Gateways of both modes in front of a provider of every dialect."""
    with Stage(tmp_path_factory.mktemp("endpoints")) as stage:
        yield DialectWorld(stage)


def ask(world: DialectWorld, mode: str, path: str, body: dict[str, Any], *behaviours: Any, **headers: str) -> Any:
    """Returns: the answer; the provider's log is new."""
    world.provider.forget()
    world.provider.script(*behaviours)
    return world.gateways[mode].post(path, body, {**ADA, **headers})


INPUTS = {"text": "hi", "texts": ["a", "b"], "tokens": [1, 2, 3], "lists of tokens": [[1, 2], [3]]}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("group", ["openai_chat", "openai_responses"])
def test_embeddings_reach_the_provider_as_they_are(world: DialectWorld, mode: str, kind: str, group: str) -> None:
    """Every form of input, size and form of the vectors, and what nobody here knows; the provider's bytes come back."""
    body = {"input": INPUTS[kind], "dimensions": 2, "encoding_format": "float", "user": "u", "input_type": "query"}
    raw = json.dumps(VECTORS).encode()
    reply = ask(world, mode, "/v1/embeddings", {"model": GROUP[group], **body}, answer(raw))
    assert (reply.status, reply.body) == (200, raw)
    (seen,) = world.provider.requests
    assert seen.path == "/v1/embeddings"
    assert seen.body == {"model": GROUP[group] if mode == "forward" else "up", **body}
    assert seen.header("x-sm-user-id") == "ada"
    assert (reply.headers["x-mini-agent-provider"] == "forward") == (mode == "forward")


@pytest.mark.parametrize("mode", MODES)
def test_what_orders_the_provider_about_stays_here(world: DialectWorld, mode: str) -> None:
    """Key and address of another are dropped by name, as in chat."""
    orders = {
        "api_key": "sk-evil",
        "api_base": "http://evil.example",
        "extra_body": {"api_base": "http://evil.example"},
    }
    for path, body, kind in (("embeddings", {"input": "x"}, VECTORS), ("completions", {"prompt": "x"}, TEXT)):
        reply = ask(world, mode, f"/v1/{path}", {"model": "by-chat", **body, **orders}, answer(kind))
        (seen,) = world.provider.requests
        assert b"evil" not in seen.raw
        assert reply.headers["x-mini-agent-dropped"] == "api_base, api_key, extra_body"
        if mode == "sdk":
            assert seen.header("authorization") == f"Bearer {UPSTREAM_KEY}"


BAD = [
    ("embeddings", {"input": "x"}, "missing_parameter", "model"),
    ("embeddings", {"model": "by-chat"}, "missing_parameter", "input"),
    ("embeddings", {"model": "by-chat", "input": ""}, "missing_parameter", "input"),
    ("embeddings", {"model": "by-chat", "input": 7}, "invalid_parameter", "input"),
    ("embeddings", {"model": "by-chat", "input": "x", "dimensions": 0}, "invalid_parameter", "dimensions"),
    ("embeddings", {"model": "by-messages", "input": "x"}, "unsupported_parameter", "model"),
    ("completions", {"model": "by-chat"}, "missing_parameter", "prompt"),
    ("completions", {"model": "by-chat", "prompt": "x", "n": "two"}, "invalid_parameter", "n"),
    ("completions", {"model": "by-messages", "prompt": "x"}, "unsupported_parameter", "model"),
]


@pytest.mark.parametrize(("path", "body", "code", "param"), BAD)
def test_what_is_wrong_is_named(world: DialectWorld, path: str, body: dict[str, Any], code: str, param: str) -> None:
    """Before the provider hears of it; a provider without such an endpoint is no 404 of its own."""
    reply = ask(world, "sdk", f"/v1/{path}", body)
    assert (reply.status, reply.error["code"], reply.error["param"]) == (400, code, param)
    assert world.provider.requests == []


@pytest.mark.parametrize("mode", MODES)
def test_the_rest_of_a_text(world: DialectWorld, mode: str) -> None:
    """All parameters pass, and what the provider says comes back as it is."""
    body = {"prompt": "Once", "suffix": "end", "echo": True, "logprobs": 2, "best_of": 2, "n": 1, "min_p": 0.1}
    raw = json.dumps(TEXT).encode()
    reply = ask(world, mode, "/v1/completions", {"model": "by-chat", **body}, answer(raw))
    assert (reply.status, reply.body) == (200, raw)
    assert world.provider.requests[0].path == "/v1/completions"
    assert {**world.provider.requests[0].body, "model": ""} == {"model": "", **body}


@pytest.mark.parametrize("mode", MODES)
def test_the_rest_of_a_text_streams(world: DialectWorld, mode: str) -> None:
    """Event by event, with its end; one that breaks off is an error in the stream."""
    choice = {"index": 0, "logprobs": None}
    ends = ((" and", None), (" on", "stop"))
    events = [{**TEXT, "choices": [{**choice, "text": text, "finish_reason": end}]} for text, end in ends]
    body = {"model": "by-chat", "prompt": "Once", "stream": True}
    whole = ask(world, mode, "/v1/completions", body, pieces(*map(sse, events), sse("[DONE]")))
    assert events_of(whole.body) == [*events, "[DONE]"]
    broken = ask(world, mode, "/v1/completions", body, pieces(sse(events[0])))
    assert events_of(broken.body)[1]["error"]["code"] == "invalid_provider_response"


@pytest.mark.parametrize("mode", MODES)
def test_failures_of_a_provider_have_our_envelope(world: DialectWorld, mode: str) -> None:
    """Its refusal, and an answer that is none."""
    for path, body in (("embeddings", {"input": "x"}), ("completions", {"prompt": "x"})):
        for behaviour, code in (
            (refuse(429, "slow"), "rate_limit_exceeded"),
            (answer({}), "invalid_provider_response"),
        ):
            reply = ask(world, mode, f"/v1/{path}", {"model": "by-chat", **body}, behaviour)
            assert reply.error["code"] == code
            assert reply.status in (429, 502)


def test_the_memory_of_the_user_is_in_front_of_a_prompt(stage: Stage) -> None:
    """A text is asked for and answered with what is known of the user; a list of prompts is left alone."""
    service = stage.memory_service()
    service.script(results([{"content": "Ada likes tea."}]))
    gateway = stage.gateway({"model_list": [stage.entry(temperature=0.5)], "context_retrieval": service.section()})
    stage.upstream.script(answer(TEXT))
    gateway.post("/v1/completions", {"model": "m1", "prompt": "Ada drinks"}, ADA)
    gateway.post("/v1/completions", {"model": "m1", "prompt": ["a", "b"]}, ADA)
    first, second = (seen.body["prompt"] for seen in stage.upstream.requests)
    assert "Ada likes tea." in first
    assert first.endswith("Ada drinks")
    assert second == ["a", "b"]


def test_dummy_models_and_the_shim_answer_here_too(stage: Stage) -> None:
    """Without any provider: a vector that only depends on its text, and the canned words."""
    dummy = stage.gateway(environ={"MINI_AGENT_ALLOW_DUMMY": "1"})
    asked = {"model": "dummy", "input": ["a", "b", "a"], "dimensions": 4}
    vectors = [item["embedding"] for item in dummy.post("/v1/embeddings", asked).json()["data"]]
    assert (len(vectors[0]), vectors[0] == vectors[2], vectors[0] == vectors[1]) == (4, True, False)
    many = dummy.post("/v1/embeddings", {**asked, "input": ["a"] * 2000, "dimensions": 8192})
    assert (many.status, many.error["param"]) == (400, "input")
    packed = dummy.post("/v1/embeddings", {**asked, "dimensions": 4.0, "encoding_format": "base64"}).json()["data"]
    assert all(isinstance(item["embedding"], str) for item in packed)
    shim = stage.gateway(environ={"MINI_AGENT_OPENAI_SHIM_MODE": "echo"})
    told = shim.post("/v1/completions", {"model": "any", "prompt": "Once", "echo": True, "stream": True})
    assert events_of(told.body)[0]["choices"][0]["text"] == "Onceshim ok"
    assert stage.upstream.requests == []


COUNT = "/v1/messages/count_tokens"


@pytest.mark.parametrize("mode", MODES)
def test_the_provider_s_count_is_the_count(world: DialectWorld, mode: str) -> None:
    """A provider that counts is asked in its own words, without what is of an answer only."""
    body = {"model": "by-messages", **REQUESTS["tools"]("anthropic_messages"), "temperature": 0.5}
    body["model"] = "by-messages"
    reply = ask(world, mode, COUNT, body, answer({"input_tokens": 77}), **{"anthropic-beta": "b-1"})
    assert (reply.status, reply.json()) == (200, {"input_tokens": 77})
    assert "x-mini-agent-estimated" not in reply.headers
    (seen,) = world.provider.requests
    assert (seen.path, seen.header("anthropic-beta")) == (COUNT, "b-1")
    assert set(seen.body) == {"model", "messages", "tools"}


def test_a_provider_of_responses_counts_in_its_own_words(world: DialectWorld) -> None:
    """The request is translated, and so is the count."""
    body = {**REQUESTS["system"]("anthropic_messages"), "model": "by-responses"}
    reply = ask(world, "sdk", COUNT, body, answer({"object": "response.input_tokens", "input_tokens": 5}))
    assert reply.json() == {"input_tokens": 5}
    (seen,) = world.provider.requests
    assert (seen.path, set(seen.body)) == ("/v1/responses/input_tokens", {"model", "input"})
    assert b"Be brief." in seen.raw


@pytest.mark.parametrize("group", GROUP.values())
def test_an_estimate_says_that_it_is_one(world: DialectWorld, group: str) -> None:
    """Where nobody counts, in body and header; it grows with what is counted."""
    counts = []
    for name in ("plain", "conversation", "tools", "image"):
        body = {**REQUESTS[name]("anthropic_messages"), "model": group}
        reply = ask(world, "sdk", COUNT, body, refuse(404, "Not Found"))
        assert reply.json()["estimated"] is True
        assert reply.headers["x-mini-agent-estimated"] == "input_tokens"
        counts.append(reply.json()["input_tokens"])
    assert counts == sorted(set(counts))


def deep(levels: int, member: str) -> Any:
    """Returns: a value that is nested so deeply."""
    value: Any = "x"
    for _ in range(levels):
        value = {member: value}
    return value


@pytest.mark.parametrize(
    ("part", "status"),
    [
        ({"type": {"a": "b"}, "text": "x"}, 200),
        ({"type": ["text"], "text": "x"}, 200),
        (deep(800, "a"), 400),
        (deep(800, "content"), 400),
        ({"type": "document", "source": {"type": "content", "content": deep(800, "a")}}, 400),
    ],
)
def test_no_content_is_a_fault_of_ours(world: DialectWorld, part: Any, status: int) -> None:
    """An estimate reads what nobody has checked."""
    for content, system in (([part], "x"), ("x", [part])):
        body = {"messages": [{"role": "user", "content": content}], "system": system, "model": "by-chat"}
        reply = ask(world, "sdk", COUNT, body, refuse(404, "Not Found"))
        assert reply.status == status
        assert status == 200 or reply.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("mode", MODES)
def test_other_failures_of_a_count_are_failures(world: DialectWorld, mode: str) -> None:
    """They have Anthropic's envelope, as what is wrong with the request."""
    body = {**REQUESTS["plain"]("anthropic_messages"), "model": "by-messages"}
    reply = ask(world, mode, COUNT, body, refuse(429, "slow"))
    assert (reply.status, reply.json()["type"], reply.error["type"]) == (429, "error", "rate_limit_error")
    missing = ask(world, mode, COUNT, {"model": "by-messages"})
    assert (missing.status, missing.json()["type"]) == (400, "error")


def test_an_entry_for_conversations_is_none_for_vectors(stage: Stage) -> None:
    """What the operator says of answers stays out of other requests; what is of none of ours goes along."""
    gateway = stage.gateway({"model_list": [stage.entry(temperature=0.5, input_type="query")]})
    stage.upstream.script(answer(VECTORS))
    gateway.post("/v1/embeddings", {"model": "m1", "input": "x"})
    assert stage.upstream.requests[0].body == {"model": "gpt-up", "input": "x", "input_type": "query"}


def test_what_an_entry_keeps_back_is_kept_back_from_every_endpoint(stage: Stage) -> None:
    """Whatever the provider speaks: nothing is translated here that would see to it."""
    entry = stage.entry(model="openai_responses/up", additional_drop_params=["user"])
    gateway = stage.gateway({"model_list": [entry]})
    stage.upstream.script(answer(VECTORS))
    reply = gateway.post("/v1/embeddings", {"model": "m1", "input": "x", "user": "u"})
    assert (reply.headers["x-mini-agent-dropped"], stage.upstream.requests[0].body) == (
        "user",
        {"model": "up", "input": "x"},
    )
