"""One table for all routes and modes (GATEWAY 4.7): every row, as clients of each route see it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from mini_agent.app import Ports
from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import ERROR_TABLE, GatewayError, InternalError, MethodNotAllowed
from mini_agent.upstreams.protocol import Batch, Capabilities
from mini_agent.upstreams.scripted import last_user_text
from support.gateway import Gateway, Stage
from support.http_client import Reply, events_of

PLAIN = {"ValueError": ValueError, "KeyError": KeyError, "TypeError": TypeError, "OSError": OSError}
ROWS = {row.__name__: row for row in ERROR_TABLE}
MODES = ("sdk", "forward")


class Raising:
    """A model client that raises what the last user message names; `later` before it lets one chunk through first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.capabilities = Capabilities()

    async def complete(self, request: ProviderRequest) -> bytes:
        """Raises: what was asked for."""
        raise named(last_user_text(request.body["messages"]))

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Raises: what was asked for, at once or after the first chunk."""
        text = last_user_text(request.body["messages"])
        if text.startswith("later "):
            yield [b'{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}']
        raise named(text.removeprefix("later "))

    async def aclose(self) -> None:
        """Nothing to free."""


def named(text: str) -> Exception:
    """Returns: the exception of this name."""
    if text in PLAIN:
        return PLAIN[text]("private text")
    row = ROWS[text]
    return row("said", allow="GET") if issubclass(row, MethodNotAllowed) else row("said")


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    """A gateway of each mode whose models fail as asked."""
    clients = {key: lambda _s, _o, key=key: Raising(key) for key in ("openai_http", "forward")}
    with Stage(tmp_path_factory.mktemp("table")) as stage:
        ports = replace(Ports(), model_clients=clients)  # type: ignore[arg-type]  # a default that is a key
        yield {mode: stage.gateway(environ={"MINI_AGENT_PROVIDER_MODE": mode}, ports=ports) for mode in MODES}


def ask(gateway: Gateway, route: str, name: str) -> Reply:
    """Returns: the answer to a request whose model fails in this way."""
    if route == "run":
        return gateway.post("/agent/run", {"model": "m1", "messages": [{"role": "user", "content": name}]})
    return gateway.chat(name, stream=route == "stream")


def assert_row(reply: Reply, row: type[GatewayError], route: str) -> None:
    """Check status, headers and the exact shape of the envelope."""
    assert (reply.status, reply.headers["content-type"]) == (row.status, "application/json")
    error = reply.error
    message = "Internal server error" if row is InternalError else "said"
    assert error == {
        "message": message,
        "type": row.type,
        "code": row.code,
        "request_id": reply.headers["x-request-id"],
    }
    assert set(reply.json()) == ({"error", "detail"} if (route, row.status) == ("run", 400) else {"error"})
    after = row.default_retry_after
    assert reply.headers.get("retry-after") == (None if after is None else str(int(after)))
    assert reply.headers.get("www-authenticate") == ("Bearer" if row.status == 401 else None)
    assert reply.headers.get("allow") == ("GET" if row.status == 405 else None)


@pytest.mark.parametrize("row", ERROR_TABLE, ids=lambda row: row.__name__)
@pytest.mark.parametrize("mode", MODES)
def test_every_row_is_the_same_on_every_route(gateways: dict[str, Gateway], mode: str, row: type[GatewayError]) -> None:
    """Plain chat, a stream before its first chunk and a run answer with the row: status, type, code, headers, shape."""
    for route in ("plain", "stream", "run"):
        assert_row(ask(gateways[mode], route, row.__name__), row, route)


@pytest.mark.parametrize("row", ERROR_TABLE, ids=lambda row: row.__name__)
def test_every_row_after_the_first_chunk_is_one_frame(gateways: dict[str, Gateway], row: type[GatewayError]) -> None:
    """Later it is one frame with the same envelope, then `[DONE]`; the status has gone out already."""
    reply = ask(gateways["sdk"], "stream", f"later {row.__name__}")
    chunk, failure, done = events_of(reply.body)
    assert (reply.status, chunk["choices"][0]["delta"], done) == (200, {"content": "a"}, "[DONE]")
    error = failure["error"]
    assert (error["type"], error["code"], error["request_id"]) == (row.type, row.code, reply.headers["x-request-id"])
    assert set(failure) == {"error"}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("mode", MODES)
def test_any_other_exception_is_a_500_that_tells_nothing(gateways: dict[str, Gateway], mode: str, name: str) -> None:
    """Outside of normalising, ValueError, KeyError and TypeError are faults of ours like everything else."""
    for route in ("plain", "stream", "run"):
        reply = ask(gateways[mode], route, name)
        assert_row(reply, InternalError, route)
        assert b"private text" not in reply.body
    assert "private text" not in gateways[mode].log_text()


@pytest.mark.parametrize(
    ("raised", "code"), [(ValueError, "invalid_value"), (KeyError, "missing_key"), (TypeError, "invalid_type")]
)
def test_three_exceptions_are_the_clients_fault_while_its_request_is_normalised(
    stage: Stage, raised: type[Exception], code: str
) -> None:
    """What the tools of a run make of its body can raise them: a 400 that says so, with the cause in debug."""

    def refuse(_: Any) -> Any:
        raise raised("what is wrong")

    gateway = stage.gateway(ports=replace(Ports(), tool_invoker=refuse), debug=True)
    reply = gateway.post("/agent/run", {"model": "m1", "messages": [{"role": "user", "content": "hi"}]})
    assert (reply.status, reply.error["type"], reply.error["code"]) == (400, "invalid_request_error", code)
    assert "what is wrong" in reply.error["message"]
    assert reply.json()["detail"] == reply.error["message"]
    assert reply.error["details"]["exception_type"] == raised.__name__
