"""What a provider sets for one user stays with that user, however many requests there are."""

from __future__ import annotations

import threading

import pytest

from support.cookies import cookie_from
from support.gateway import Stage
from support.http_client import Reply


@pytest.mark.parametrize("mode", ["sdk", "forward"])
def test_two_users_of_five_hundred_requests_each_keep_their_cookies_apart(stage: Stage, mode: str) -> None:
    """Interleaved users of a server that sets cookies: each sends back its own, and none reaches a client."""
    stage.upstream.script(cookie_from("x-sm-user-id"))
    url = stage.upstream.base.removesuffix("/v1")
    gateway = stage.gateway(environ={"MINI_AGENT_PROVIDER_MODE": mode, "MINI_AGENT_FORWARD_URL": url})
    lost: list[Reply] = []

    def visit(user: str) -> None:
        for _ in range(500):
            reply = gateway.chat(headers={"x-memory-user-id": user, "cookie": "sid=mallory"})
            if reply.status != 200 or "set-cookie" in reply.headers:
                lost.append(reply)

    threads = [threading.Thread(target=visit, args=(user,)) for user in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert lost == []
    held_by = {(seen.header("x-sm-user-id"), seen.header("cookie")) for seen in stage.upstream.requests}
    assert len(stage.upstream.requests) == 1000
    assert held_by == {("ada", None), ("bob", None), ("ada", "sid=ada"), ("bob", "sid=bob")}
