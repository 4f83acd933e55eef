"""Echo, block and dummy modes."""

from __future__ import annotations

import pytest

from support.gateway import Stage
from support.http_client import events_of
from support.upstream import refuse

ECHO = {"MINI_AGENT_OPENAI_SHIM_MODE": "echo"}
OPEN_GATE = {"MINI_AGENT_ALLOW_DUMMY": "1"}


def test_echo_answers_any_model_from_the_script(stage: Stage) -> None:
    """Echo needs no provider and no known model; usage is zero and the id says what it is."""
    reply = stage.gateway({}, ECHO).chat(model="anything at all")
    body = reply.json()
    assert reply.headers["x-mini-agent-provider"] == "scripted"
    assert reply.text == "shim ok"
    assert body["id"].startswith("shim-")
    assert (body["object"], body["model"]) == ("chat.completion", "anything at all")
    assert body["choices"][0]["finish_reason"] == "stop"
    assert set(body["usage"].values()) == {0}


def test_echo_reply_is_configurable(stage: Stage) -> None:
    """`MINI_AGENT_OPENAI_SHIM_REPLY` is the text."""
    assert stage.gateway({}, {**ECHO, "MINI_AGENT_OPENAI_SHIM_REPLY": "pong"}).chat().text == "pong"


def test_echo_streams_when_asked(stage: Stage) -> None:
    """An echo stream is a regular stream, with usage when asked for."""
    reply = stage.gateway({}, ECHO).chat(stream=True, stream_options={"include_usage": True})
    *chunks, usage, done = events_of(reply.body)
    assert "".join(item["choices"][0]["delta"].get("content", "") for item in chunks) == "shim ok"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 0, "[DONE]")


def test_echo_still_authenticates_and_validates(stage: Stage) -> None:
    """A shim is no way around key and validation."""
    gateway = stage.gateway({}, {**ECHO, "MINI_AGENT_MASTER_KEY": "mk-12345"})
    assert gateway.chat().status == 401
    authorised = {"authorization": "Bearer mk-12345"}
    assert gateway.post("/v1/chat/completions", {"model": "x"}, authorised).error["code"] == "missing_parameter"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the capital of France?", "Paris"),
        ("capital letters", "ok"),
        ("Hello there", "hello"),
        ("oh, hi!", "hello"),
        ("this is nothing", "ok"),
        ("", "ok"),
        ([{"type": "text", "text": "the capital"}, {"type": "text", "text": "of France"}], "Paris"),
    ],
)
@pytest.mark.parametrize("model", ["dummy", "noop", "dummy-7", "noop-x"])
def test_dummy_models_answer_from_the_last_user_text(stage: Stage, model: str, text: str, expected: str) -> None:
    """With the gate open, dummy models answer by the words of the last user message."""
    reply = stage.gateway({}, OPEN_GATE).chat(text, model=model)
    assert (reply.status, reply.text) == (200, expected)
    assert reply.headers["x-mini-agent-provider"] == "scripted"


def test_dummy_models_come_before_groups_and_beside_them(stage: Stage) -> None:
    """A model list does not hide dummy models."""
    assert stage.gateway(environ=OPEN_GATE).chat(model="dummy").status == 200


@pytest.mark.parametrize(
    "environ", [{}, {"MINI_AGENT_ALLOW_DUMMY": "0"}, {**OPEN_GATE, "MINI_AGENT_OPENAI_SHIM_MODE": "block"}]
)
@pytest.mark.parametrize("stream", [False, True])
def test_dummy_models_are_refused_when_closed_or_blocked(stage: Stage, environ: dict[str, str], stream: bool) -> None:
    """Without the gate, and in block mode even with it, nothing is answered from a script."""
    reply = stage.gateway({}, environ).chat(model="dummy", stream=stream)
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    listed = stage.gateway(environ=environ).chat(model="dummy", stream=stream)
    assert (listed.status, listed.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("mode", ["", "block"])
def test_provider_failure_never_becomes_a_canned_answer(stage: Stage, mode: str) -> None:
    """A failing provider is an error in every mode that asks one."""
    stage.upstream.script(refuse(500))
    environ = {**OPEN_GATE, "MINI_AGENT_OPENAI_SHIM_MODE": mode}
    assert stage.gateway(environ=environ).chat("hello").status == 502


def test_block_mode_still_reaches_real_providers(stage: Stage) -> None:
    """Block mode refuses scripts, not models."""
    assert stage.gateway(environ={"MINI_AGENT_OPENAI_SHIM_MODE": "block"}).chat().text == "hi there"
