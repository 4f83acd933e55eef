"""Attacks between users, and on them: one wants what is another's, or a provider learns whose request it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mini_agent.core.errors import ConfigError
from mini_agent.net.egress import Egress
from mini_agent.settings.schema import McpServer
from mini_agent.tools.mcp.invoker import McpInvoker
from mini_agent.tools.mcp.pool import McpPool, McpServerSessions
from mini_agent.tools.mcp.session import McpFailure, ServerFacts
from support.gateway import Gateway, Stage
from support.hand_clock import HandClock
from support.mcp_stub import McpStub, with_stub
from support.tool_calls import call, calling
from support.upstream import answer, completion

MASTER = "mk-of-clients-0123456789"
ADA = {"x-memory-user-id": "ada@example.com", "x-fine": "1"}


def telling(stage: Stage, to: Any, *, forward: bool = False, **params: Any) -> Gateway:
    """Returns: a gateway that tells these providers of the user, and passes the clients' headers on."""
    general = {"master_key": MASTER, "forward_user": to, "forward_client_headers_to_llm_api": True}
    general["memory_hosts"] = ["127.0.0.1"] if params.pop("memory_host", False) else []
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward" if forward else "sdk",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
    }
    config = {"general_settings": general, "model_list": [stage.entry(**params)]}
    return stage.gateway(config, environ, headers={"authorization": f"Bearer {MASTER}", **ADA})


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/agent/run", "/v1/rerank"])
def test_a_provider_wants_the_name_of_the_user(stage: Stage, path: str, forward: bool) -> None:
    """With `forward_user: memory` no header of any route names the user; the client's other headers go on."""
    if path == "/v1/rerank" and not forward:
        path = "/chat/completions"
    stage.upstream.script(answer("hi"))
    telling(stage, "memory", forward=forward).post(
        path, {"model": "m1", "messages": [{"role": "user", "content": "x"}]}
    )
    (seen,) = stage.upstream.requests
    # But for ids, whose random digits may be anybody's name.
    assert [name for name, value in seen.headers if "ada" in value and name.lower() != "x-request-id"] == []
    assert seen.header("x-fine") == "1"


@pytest.mark.parametrize(
    ("to", "more", "told"),
    [
        ("all", {}, True),
        ("memory", {}, False),
        ("memory", {"memory_host": True}, True),
        (["127.0.0.1"], {}, True),
        (["example.com"], {}, False),
        ([], {}, False),
        (["example.com"], {"forward": True}, False),
        (["127.0.0.1"], {"forward": True}, True),
    ],
)
def test_who_is_told_whose_request_it_is(stage: Stage, to: Any, more: dict[str, Any], told: bool) -> None:
    """All providers, those that are memory hosts, or those of a list: the rest sees requests without a user."""
    telling(stage, to, **more).chat()
    assert stage.upstream.requests[0].header("x-sm-user-id") == ("ada@example.com" if told else None)


def test_a_client_names_another_user_to_the_provider(stage: Stage) -> None:
    """The client's own `x-sm-user-id` is replaced where the provider is told, and gone where it is not."""
    for to, expected in (("all", "ada@example.com"), ("memory", None)):
        stage.upstream.forget()
        telling(stage, to).chat(headers={"x-sm-user-id": "eve"})
        assert stage.upstream.requests[0].header("x-sm-user-id") == expected


def test_an_unknown_word_is_a_configuration_error(stage: Stage) -> None:
    """A typing error must not tell everybody: it ends the start."""
    with pytest.raises(ConfigError, match="forward_user"):
        telling(stage, "memroy")


def test_a_user_wants_the_session_of_another_with_an_mcp_server() -> None:
    """What a server remembers of one user would be there for the next: each has a session and cookies of its own."""

    async def test(stub: McpStub, pool: McpPool) -> None:
        for user in ("ada", "eve", "ada", None):
            invoker = McpInvoker(pool, user)
            await invoker.list_tools()
            assert (await calling(invoker, "good"))["ok"]
        assert stub.opened == 3
        pairs = {(session, cookie) for session, cookie in stub.seen if session}
        assert pairs == {(f"session-{number}", f"sid={number}") for number in (1, 2, 3)}

    with_stub(test)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/agent/run"])
def test_a_user_wants_it_through_the_gateway(stage: Stage, path: str) -> None:
    """On every route that runs tools the session is the caller's, by the name that the gateway made of its headers."""
    stub = McpStub()
    url = f"{stage.serve(stub.app)}/mcp"
    servers = {"stub": {"transport": "http", "url": url, "timeout": 5}}
    gateway = stage.gateway({"model_list": [stage.entry()], "mcp_servers": servers})
    for user in ("ada", "eve", "ada"):
        stage.upstream.script(answer(completion(None, tool_calls=[call("good")])), answer("done"))
        body = {"model": "m1", "messages": [{"role": "user", "content": "x"}], "tool_backend": "mcp"}
        assert gateway.post(path, body, {"x-memory-user-id": user}).status == 200
    assert stub.opened == 2
    assert len({cookie for session, cookie in stub.seen if session}) == 2


def sessions(limit: int) -> McpServerSessions:
    """Returns: the sessions with a server that nobody connects to."""
    server = McpServer(transport="http", url="http://127.0.0.1:9/mcp")
    return McpServerSessions(ServerFacts("web", server, {}, Egress()), limit=limit, clock=HandClock())


def test_a_client_that_names_ever_new_users_wants_memory_without_end() -> None:
    """Sessions are bounded: the one that was used longest ago goes, and no user's comes back to another."""

    async def main() -> None:
        made = sessions(2)
        ada, eve = made.of("ada"), made.of("eve")
        assert (made.of("ada"), made.of("eve")) == (ada, eve)
        bob = made.of("bob")
        assert made.of("eve") is eve
        assert made.of("bob") is bob
        assert made.of("ada") is not ada
        await made.aclose()

    asyncio.run(main())


def test_sessions_in_use_are_not_taken_away() -> None:
    """A client that names ever new users wants the sessions of those who are waiting: it is refused instead."""

    async def main() -> None:
        made = sessions(1)
        waiting = asyncio.create_task(made.of("ada").call_tool("t", {}))
        await asyncio.sleep(0)
        with pytest.raises(McpFailure, match="all 1 sessions with it are in use"):
            made.of("eve")
        with pytest.raises(McpFailure, match="cannot be reached"):
            await waiting
        assert made.of("eve") is not None
        await made.aclose()

    asyncio.run(main())
