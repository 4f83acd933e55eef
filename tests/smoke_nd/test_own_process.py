"""A gateway that a test starts itself, with the command, the file and the signals that a user has."""

from __future__ import annotations

import signal

import pytest

from smoke_nd.conftest import MASTER, authorised
from support.gateway import GatewayProcess
from support.http_client import events_of
from support.upstream import Upstream, answer, completion, text_stream

pytestmark = pytest.mark.shard("shard_b")


def test_fast_path(served: GatewayProcess, upstream: Upstream) -> None:
    """A request reaches the provider with the provider's key and model, and its answer comes back unaltered."""
    upstream.script(answer(completion("grüß dich")))
    reply = served.chat("hallo", headers=authorised())
    assert (reply.status, reply.text) == (200, "grüß dich")
    assert reply.headers["x-mini-agent-provider"] == "openai_http"
    seen = upstream.requests[0]
    assert (seen.header("authorization"), seen.body["model"]) == ("Bearer sk-upstream-key", "up")


def test_stream(served: GatewayProcess, upstream: Upstream) -> None:
    """A stream is passed on event by event and is one provider request."""
    upstream.script(text_stream("a", "b", "c"))
    reply = served.chat(headers=authorised(), stream=True)
    events = events_of(reply.body)
    texts = [event["choices"][0]["delta"].get("content") for event in events[:-1] if event["choices"]]
    assert [text for text in texts if text] == ["a", "b", "c"]
    assert (events[-1], len(upstream.requests)) == ("[DONE]", 1)


def test_block_mode_has_no_script(served: GatewayProcess) -> None:
    """In block mode a dummy model is refused even with its gate open."""
    reply = served.chat("hello", model="dummy", headers=authorised())
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


def test_without_the_key(served: GatewayProcess, upstream: Upstream) -> None:
    """A caller without the master key gets 401 and reaches no provider."""
    reply = served.chat()
    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
    assert upstream.requests == []


def test_provider_down(served: GatewayProcess, upstream: Upstream) -> None:
    """A provider that is not there is 502, never a canned answer."""
    upstream.stop_listening()
    reply = served.chat(headers=authorised())
    assert (reply.status, reply.error["code"]) == (502, "backend_unavailable")


def test_term_ends_it(served: GatewayProcess) -> None:
    """TERM ends an idle gateway with exit status 0 and a log without the keys."""
    served.signal(signal.SIGTERM)
    assert served.wait() == 0
    assert MASTER not in served.stderr()
    assert "sk-upstream-key" not in served.stderr()
