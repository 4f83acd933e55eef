"""Users keep their cookies, and only theirs, through the real LiteLLM package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import pytest

from mini_agent.upstreams.litellm.clients import HTTP_HANDLER_PROVIDERS
from support.cookies import crossed, visitors_book
from support.gateway import GatewayProcess, Stage
from support.http_client import HttpClient
from support.upstream import Upstream

pytestmark = pytest.mark.shard("shard_b")

#: One group per way in which LiteLLM takes a client: OpenAI's SDK, its own handler, Azure's SDK.
MODELS = {"sdk": "openai/up", "compatible": "deepinfra/up", "handler": "mistral/up", "azure": "azure/up"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, GatewayProcess]]:
    """A provider, and a gateway whose groups all go through LiteLLM."""
    folder = tmp_path_factory.mktemp("sessions")
    with Stage(folder) as stage:
        info = {"model_info": {"transport": "sdk"}}
        models = {**MODELS, **{f"of-{provider}": f"{provider}/up" for provider in HTTP_HANDLER_PROVIDERS}}
        entries = [{**stage.entry(name, model), **info} for name, model in models.items()]
        config = folder / "c.yaml"
        config.write_text(json.dumps({"model_list": entries}), encoding="utf-8")
        with GatewayProcess("serve", "--port", "0", "--config", str(config), folder=folder) as process:
            process.wait_listening()
            yield stage, process


@pytest.fixture
def upstream(world: tuple[Stage, GatewayProcess]) -> Upstream:
    """The provider, which sets a cookie per user and forgets earlier tests."""
    upstream = world[0].upstream
    upstream.forget()
    upstream.script(visitors_book())
    return upstream


def visit(gateway: HttpClient, model: str, user: str) -> None:
    """Ask once as a user."""
    assert gateway.chat(model=model, headers={"x-memory-user-id": user}).status == 200


def test_two_users_interleaved_500_requests_each(upstream: Upstream, world: tuple[Stage, GatewayProcess]) -> None:
    """Eight at a time, alternating: no cookie crosses, and each user's own persists."""
    _, gateway = world
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, repeat(gateway), repeat("sdk"), ["ada", "bob"] * 500))
    assert len(upstream.requests) == 1000
    assert crossed(upstream) == []


@pytest.mark.parametrize("model", list(MODELS))
def test_each_kind_of_client_keeps_users_apart(
    upstream: Upstream, world: tuple[Stage, GatewayProcess], model: str
) -> None:
    """In turn, so that every request but a user's first must carry exactly that user's cookie."""
    users = [f"{model}-ada", f"{model}-bob"] * 4
    for user in users:
        visit(world[1], model, user)
    cookies = [seen.header("cookie") for seen in upstream.requests]
    assert cookies == [None, None, *(f"sid={user}" for user in users[2:])]


@pytest.mark.parametrize("provider", sorted(HTTP_HANDLER_PROVIDERS))
def test_every_provider_of_the_table_takes_our_client(
    upstream: Upstream, world: tuple[Stage, GatewayProcess], provider: str
) -> None:
    """Whatever each makes of an OpenAI answer: the second request brings the cookie that the first one got."""
    for _ in range(2):
        world[1].chat(model=f"of-{provider}", headers={"x-memory-user-id": "ada"})
    chats = [seen for seen in upstream.requests if seen.method == "POST"]
    assert chats[-1].header("cookie") == "sid=ada"
    assert chats[0].header("x-sm-user-id") == "ada"
