"""Running tools on chat, with tools that misbehave in ways no built-in one does."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest

from mini_agent.agent.tool_values import function_spec
from mini_agent.core.chat import Caller, ModelTarget, ProviderRequest
from mini_agent.core.logs import new_logger
from mini_agent.core.redaction import Redactor
from mini_agent.dialects import Dialect, Reply, Request
from mini_agent.runs.tool_chat import ToolChat
from mini_agent.upstreams.protocol import Capabilities
from support.tool_calls import call
from support.upstream import completion

REQUEST = ProviderRequest(
    target=ModelTarget(model="m", client="c"),
    body={"messages": [{"role": "user", "content": "hi"}]},
    caller=Caller(request_id="r"),
)


class Model:
    """Calls the tool once, then answers. note: headers that each answer has."""

    name = "scripted"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.requests: list[ProviderRequest] = []

    async def complete(self, request: ProviderRequest) -> bytes:
        """Answer."""
        self.requests.append(request)
        if request.on_response_headers is not None:
            request.on_response_headers([(b"x-answer", b"%d" % len(self.requests))])
        if len(self.requests) == 1:
            return json.dumps(completion(None, tool_calls=[call("tool", {}, "c1")])).encode()
        return json.dumps(completion("done")).encode()

    async def stream(self, _request: ProviderRequest) -> AsyncGenerator[Sequence[bytes], None]:
        """Not used."""
        yield []

    async def aclose(self) -> None:
        """Nothing."""


class Tools:
    """One tool that does what the test says."""

    def __init__(self, does: Callable[[], str]) -> None:
        self._does = does
        self.closed = False

    async def list_tools(self) -> list[dict[str, Any]]:
        """Return the tool."""
        return [function_spec("tool", "", {})]

    async def call(self, _tool_call: dict[str, Any]) -> str:
        """Do it."""
        return self._does()

    async def aclose(self) -> None:
        """Remember."""
        self.closed = True


def fails() -> str:
    """Raise what no tool should raise."""
    raise LookupError("words that nobody may read")


def reply() -> Reply:
    """Return what an answer is made with."""
    return Reply(id="r", created=0, request=Request(dialect=Dialect.CHAT, model="m", messages=()))


@pytest.mark.parametrize(
    ("does", "read"),
    [
        (fails, "error: the tool failed: LookupError"),
        (lambda: "plain text", "plain text"),
        (lambda: "[1]", "[1]"),
        (lambda: json.dumps({"ok": False, "error": "no"}), "error: no"),
        (lambda: json.dumps({"result": "x" * 9000}), "x" * 8000),
        (lambda: "{}", "ok (no output)"),
    ],
)
def test_whatever_a_tool_answers_the_model_reads_of_it(does: Callable[[], str], read: str) -> None:
    """A failure is logged by its class; the tools are closed; the client gets the headers of the last answer."""
    model, tools, log = Model(), Tools(does), io.StringIO()
    logger = new_logger("info", Redactor(), log)
    chat = ToolChat(model, tools, Dialect.CHAT, reply, max_iterations=3, timeout_s=5, log=logger)
    headers: list[tuple[bytes, bytes]] = []
    request = ProviderRequest(
        target=REQUEST.target, body=REQUEST.body, caller=REQUEST.caller, on_response_headers=headers.extend
    )
    answer = json.loads(asyncio.run(chat.complete(request)))
    assert answer["choices"][0]["message"]["content"] == "done"
    assert model.requests[1].body["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": read}
    assert tools.closed
    assert headers == [(b"x-answer", b"2")]
    assert ("LookupError" in log.getvalue()) is (does is fails)
    assert "nobody may read" not in log.getvalue()
