"""What a client sees when the provider of a plain request refuses, breaks or falls silent."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mini_agent.app import Ports
from mini_agent.core.ports import SystemClock
from support.gateway import Stage
from support.hand_clock import NotedWaits
from support.upstream import Behaviour, abort, answer, hang, refuse, text_stream


class Gate(SystemClock):
    """A clock whose first wait ends when the test says so."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._opened = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def sleep(self, seconds: float) -> None:
        """Wait for `open`."""
        self._loop = asyncio.get_running_loop()
        self.asked.set()
        await self._opened.wait()

    def open(self) -> None:
        """Let all waits end."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._opened.set)


@pytest.mark.parametrize(
    ("behaviour", "status", "kind", "code"),
    [
        (refuse(400), 400, "invalid_request_error", "bad_request"),
        (refuse(400, code="context_length_exceeded"), 400, "invalid_request_error", "context_length_exceeded"),
        (refuse(400, code="content_policy_violation"), 400, "invalid_request_error", "content_policy_violation"),
        (refuse(400, code="unsupported_parameter"), 400, "invalid_request_error", "unsupported_parameter"),
        (refuse(401), 502, "api_error", "provider_auth"),
        (refuse(403), 403, "permission_error", "permission_denied"),
        (refuse(404), 404, "not_found_error", "model_not_found"),
        (refuse(402), 402, "rate_limit_error", "budget_exceeded"),
        (refuse(409), 400, "invalid_request_error", "bad_request"),
        (refuse(413), 413, "invalid_request_error", "request_too_large"),
        (refuse(413, code="context_length_exceeded"), 400, "invalid_request_error", "context_length_exceeded"),
        (refuse(400, code="decimal_above_max_value"), 400, "invalid_request_error", "decimal_above_max_value"),
        (refuse(400, code="two words"), 400, "invalid_request_error", "bad_request"),
        (refuse(403, code="unsupported_country"), 403, "permission_error", "unsupported_country"),
        (refuse(407), 502, "api_error", "provider_auth"),
        (refuse(529), 503, "service_unavailable", "service_unavailable"),
        (refuse(422), 422, "invalid_request_error", "unprocessable_entity"),
        (refuse(429), 429, "rate_limit_error", "rate_limit_exceeded"),
        (refuse(429, code="insufficient_quota"), 429, "rate_limit_error", "budget_exceeded"),
        (refuse(500), 502, "api_error", "api_error"),
        (refuse(302, headers={"location": "http://127.0.0.1:1/"}), 502, "api_error", "api_error"),
        (refuse(503), 503, "service_unavailable", "service_unavailable"),
        (refuse(504), 504, "timeout_error", "request_timeout"),
        (abort(), 502, "connection_error", "backend_unavailable"),
        (answer(b"<html>"), 502, "api_error", "invalid_provider_response"),
        (answer(b"[]"), 502, "api_error", "invalid_provider_response"),
        (answer(b'{"id": 1}'), 502, "api_error", "invalid_provider_response"),
        (answer(b'{"choices": [{"mess'), 502, "api_error", "invalid_provider_response"),
        (answer(b""), 502, "api_error", "invalid_provider_response"),
    ],
)
def test_failure_has_its_row_of_the_table(
    stage: Stage, behaviour: Behaviour, status: int, kind: str, code: str
) -> None:
    """Each refusal has its status, type and code; the provider is asked once and never a canned 200 appears."""
    stage.upstream.script(behaviour)
    reply = stage.gateway().chat()
    assert (reply.status, reply.error["type"], reply.error["code"]) == (status, kind, code)
    assert len(stage.upstream.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (refuse(429), "60"),
        (refuse(429, headers={"retry-after": "3"}), "3"),
        (refuse(429, headers={"retry-after": "soon"}), "60"),
        (refuse(503), "30"),
        (refuse(503, headers={"retry-after": "9"}), "9"),
        (refuse(504), "60"),
        (refuse(500), None),
    ],
)
def test_retry_after_is_the_providers_or_the_default(stage: Stage, behaviour: Behaviour, expected: str | None) -> None:
    """429 and 503 repeat the provider's value or a default; 504 says 60."""
    stage.upstream.script(behaviour)
    assert stage.gateway().chat().headers.get("retry-after") == expected


def test_refused_connection_is_502(stage: Stage) -> None:
    """A provider that is down is unavailable, not an internal error."""
    gateway = stage.gateway()
    stage.upstream.stop_listening()
    reply = gateway.chat()
    assert (reply.status, reply.error["code"], reply.error["type"]) == (502, "backend_unavailable", "connection_error")


def test_silent_provider_is_504_after_the_models_timeout(stage: Stage) -> None:
    """`timeout` bounds a plain answer; the request at the provider is cancelled."""
    stage.upstream.script(hang())
    reply = stage.gateway({"model_list": [stage.entry(timeout=0.3)]}).chat()
    assert (reply.status, reply.error["code"]) == (504, "request_timeout")
    assert stage.upstream.wait_dropped(1.0)


def test_provider_message_is_cut(stage: Stage) -> None:
    """At most 400 characters of the provider's text reach the client."""
    stage.upstream.script(refuse(400, "x" * 5000))
    assert stage.gateway().chat().error["message"] == "x" * 400


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_that_may_pass_is_retried_twice_by_default(stage: Stage, status: int, stream: bool) -> None:
    """Without `max_retries` the third answer counts, plain or streamed, as long as nothing of a 2xx body has come."""
    stage.upstream.script(refuse(status), refuse(status), text_stream("third") if stream else answer("third"))
    clock = NotedWaits()
    entry = stage.entry()
    del entry["litellm_params"]["max_retries"]
    reply = stage.gateway({"model_list": [entry]}, ports=replace(Ports(), clock=clock)).chat(stream=stream)
    assert (reply.status, b"third" in reply.body) == (200, True)
    assert len(stage.upstream.requests) == 3
    assert [0.1 <= wait <= 0.5 for wait in clock.waits[:2]] == [True, True]


def test_retries_end_and_the_last_refusal_counts(stage: Stage) -> None:
    """After `max_retries` the client is told, with the provider's own time."""
    stage.upstream.script(refuse(500), refuse(429, headers={"retry-after": "7"}))
    gateway = stage.gateway({"model_list": [stage.entry(max_retries=1)]}, ports=replace(Ports(), clock=NotedWaits()))
    reply = gateway.chat()
    assert (reply.status, reply.headers["retry-after"], len(stage.upstream.requests)) == (429, "7", 2)


def test_retry_after_is_honoured_up_to_five_seconds(stage: Stage) -> None:
    """A wait is at least what the provider asks for, a little more so that not all come back at once, and capped."""
    stage.upstream.script(
        refuse(429, headers={"retry-after": "2"}), refuse(503, headers={"retry-after": "60"}), answer("third")
    )
    clock = NotedWaits()
    gateway = stage.gateway({"model_list": [stage.entry(max_retries=2)]}, ports=replace(Ports(), clock=clock))
    assert gateway.chat().text == "third"
    first, second = clock.waits
    assert 2.0 <= first <= 2.2
    assert second == 5.0


def test_a_connection_that_is_refused_is_tried_again(stage: Stage) -> None:
    """A provider that restarts costs a wait, not an error."""
    gateway = stage.gateway({"model_list": [stage.entry(max_retries=2)]}, ports=replace(Ports(), clock=NotedWaits()))
    stage.upstream.stop_listening()
    assert gateway.chat().error["code"] == "backend_unavailable"


def test_who_waits_for_a_retry_holds_no_slot(stage: Stage) -> None:
    """With one connection per provider, a second request is served while the first waits to be tried again."""
    clock = Gate()
    stage.upstream.script(refuse(429), answer("second"), answer("first"))
    entry = stage.entry(max_retries=1)
    gateway = stage.gateway({"model_list": [entry]}, ports=replace(Ports(), clock=clock), pool_connections=1, pool_s=5)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(gateway.chat)
        assert clock.asked.wait(10)
        assert gateway.chat().text == "second"
        clock.open()
        assert waiting.result(10).text == "first"


@pytest.mark.parametrize(
    "behaviour",
    [refuse(400), refuse(501), abort(), answer(json.dumps({"choices": [], "error": "rate limit"}).encode())],
)
def test_nothing_else_is_retried(stage: Stage, behaviour: Behaviour) -> None:
    """Refusals, resets and words in a 2xx body are final."""
    stage.upstream.script(behaviour)
    stage.gateway({"model_list": [stage.entry(max_retries=2)]}, ports=replace(Ports(), clock=NotedWaits())).chat()
    assert len(stage.upstream.requests) == 1


def test_read_timeout_is_not_retried(stage: Stage) -> None:
    """The provider may be working on the first request still."""
    stage.upstream.script(hang())
    stage.gateway({"model_list": [stage.entry(timeout=0.3, max_retries=2)]}).chat()
    assert len(stage.upstream.requests) == 1


def test_details_appear_only_in_debug(stage: Stage) -> None:
    """`details` name the exception with `MINI_AGENT_DEBUG=1`, and never otherwise."""
    stage.upstream.script(answer(b"nonsense"))
    assert "details" not in stage.gateway().chat().error
    details = stage.gateway(environ={"MINI_AGENT_DEBUG": "1"}).chat().error["details"]
    assert details["exception_type"] == "DecodeError"
    assert set(details) == {"exception_type", "exception_message"}


def test_own_fault_says_nothing_but_internal_server_error(stage: Stage) -> None:
    """An unexpected exception is a 500 whose text stays here; the log names type and place, not the text."""

    class Broken(SystemClock):
        async def sleep(self, seconds: float) -> None:
            raise ValueError("private detail")

    gateway = stage.gateway(environ={"MINI_AGENT_OPENAI_SHIM_DELAY_MS": "1"}, ports=replace(Ports(), clock=Broken()))
    reply = gateway.chat()
    assert (reply.status, reply.error["message"]) == (500, "Internal server error")
    assert (reply.error["type"], reply.error["code"]) == ("internal_error", "internal_error")
    (line,) = [line for line in gateway.log_lines() if line["message"] == "internal error"]
    assert line["exception"].startswith("ValueError: sleep (")
    assert "private detail" not in gateway.log_text()
