"""The whole chain as processes: client → interceptor → gateway → provider, with a memory service beside it.

In forward mode the provider stands for the external process: it gets what LiteLLM would get.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from smoke_nd.conftest import MASTER
from support.gateway import GatewayProcess
from support.loop_thread import LoopThread
from support.memory_service import MemoryService
from support.upstream import Upstream, answer, chunk, completion, finish_chunk, hang, pieces, sse

#: Project folder to what the memory service knows of its user. The second name cannot travel in a header as it is.
PROJECTS = {"alpha": "Alpha is written in Rust; its café is closed.", "größe": "Größe misst in Ellen. 尺"}
QUESTION = "Wie heißt die Sprache? 🙂"
KEY = "sk-upstream-key"


class Chain:
    """Provider, memory service, gateway, and one interceptor for each project. The last two are processes."""

    def __init__(self, stack: ExitStack, folder: Path, mode: str) -> None:
        loop = stack.enter_context(LoopThread())
        self.provider = stack.enter_context(Upstream(loop))
        self.memory = stack.enter_context(MemoryService(loop))
        external = {"MINI_AGENT_FORWARD_URL": self.provider.base, "MINI_AGENT_FORWARD_KEY": KEY}
        command = (*self._serve(folder), "--mode", mode)
        gateway = stack.enter_context(GatewayProcess(*command, environ={"UP_KEY": KEY, **external}))
        gateway.wait_listening()
        environ = {
            "MEMORY_PROXY_URL": gateway.url,
            "INTERCEPTOR_API_KEY": MASTER,
            "PORT_REGISTRY_PATH": str(folder / "registry.json"),
        }
        self.clients: dict[str, GatewayProcess] = {}
        self.users: dict[str, str] = {}
        for name, fact in PROJECTS.items():
            (folder / name).mkdir()
            client = GatewayProcess("intercept", "run", environ=environ, folder=folder / name)
            self.clients[name] = stack.enter_context(client)
            client.wait_listening()
            self.users[name] = client.get("/health").json()["instance_id"]
            self.memory.remember(f"supermemory_{self.users[name]}", fact)

    def _serve(self, folder: Path) -> tuple[str, ...]:
        params = {"model": "openai/up", "api_key": "os.environ/UP_KEY", "api_base": self.provider.base}
        root = {
            "general_settings": {"master_key": MASTER},
            "model_list": [{"model_name": "m1", "litellm_params": params}],
            "context_retrieval": self.memory.section(),
        }
        (folder / "mini_agent.yaml").write_text(json.dumps(root), encoding="utf-8")
        return ("serve", "--port", "0", "--config", str(folder / "mini_agent.yaml"))

    def seen(self) -> tuple[str | None, str, list[Any]]:
        """Return the user, the memory and the other messages that the provider saw last."""
        request = self.provider.requests[-1]
        context, *rest = request.body["messages"]
        assert context["role"] == "system"
        return request.header("x-sm-user-id"), context["content"], rest


@pytest.fixture(scope="module", params=["sdk", "forward"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain, started once in each mode."""
    with ExitStack() as stack:
        yield Chain(stack, tmp_path_factory.mktemp("chain"), request.param)


@pytest.fixture
def chain(running: Chain) -> Chain:
    """The chain, as if just started."""
    for server in (running.provider, running.memory):
        server.forget()
    return running


def test_each_project_has_a_port_and_a_user_of_its_own(chain: Chain) -> None:
    """The folders' ports differ, and so do the users; the plain name is used as it is."""
    assert len({client.port for client in chain.clients.values()}) == len(PROJECTS)
    assert len(set(chain.users.values())) == len(PROJECTS)
    assert chain.users["alpha"] == "pycharm-alpha"


@pytest.mark.parametrize("project", PROJECTS)
def test_the_provider_sees_the_right_user_and_memory(chain: Chain, project: str) -> None:
    """curl, told nothing but an address, gets its project's memory; question and answer arrive unchanged."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    chain.provider.script(answer(completion("Größe: 你好")))
    body = json.dumps({"model": "m1", "messages": [{"role": "user", "content": QUESTION}]}, ensure_ascii=False)
    address = f"{chain.clients[project].url}/v1/chat/completions"
    command = [curl, "-sS", "--fail", address, "-H", "content-type: application/json", "-d", body]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == "Größe: 你好"
    user, memory, messages = chain.seen()
    assert user == chain.users[project]
    assert PROJECTS[project] in memory
    assert not any(fact in memory for name, fact in PROJECTS.items() if name != project)
    assert messages == [{"role": "user", "content": QUESTION}]
    assert chain.provider.requests[-1].header("authorization") == f"Bearer {KEY}"
    (asked,) = chain.memory.requests
    assert (asked.header("x-sm-user-id"), asked.body["q"]) == (user, QUESTION)


def test_an_explicit_user_is_kept(chain: Chain) -> None:
    """A client that says who it is gets that user's memory, whatever the folder."""
    chain.provider.script(answer("ok"))
    reply = chain.clients["alpha"].chat(QUESTION, headers={"x-memory-user-id": chain.users["größe"]})
    assert reply.status == 200
    user, memory, _ = chain.seen()
    assert (user, PROJECTS["größe"] in memory) == (chain.users["größe"], True)


def test_a_stream_arrives_while_it_is_written(chain: Chain) -> None:
    """The first event is at the client before the provider has written the second, and every byte is the provider's."""
    first, last = chunk({"role": "assistant", "content": "grüße 你好 "}), finish_chunk()
    events = [json.dumps(event, ensure_ascii=False) for event in (first, last)]
    chain.provider.script(pieces(sse(events[0]), "wait", sse(events[1]), sse("[DONE]")))
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    connection = chain.clients["alpha"].open_stream(body)
    try:
        response = connection.getresponse()
        assert response.getheader("content-type", "").startswith("text/event-stream")
        assert response.readline() == sse(events[0]).splitlines(keepends=True)[0]
        chain.provider.release.set()
        assert response.read() == b"\n" + sse(events[1]) + sse("[DONE]")
    finally:
        connection.close()
    user, memory, _ = chain.seen()
    assert (user, PROJECTS["alpha"] in memory) == (chain.users["alpha"], True)


def test_a_client_that_leaves_is_noticed_at_the_other_end(chain: Chain) -> None:
    """Closing the client's connection cancels the provider's request, through both processes."""
    chain.provider.script(hang())
    connection = chain.clients["alpha"].open_stream({"model": "m1", "messages": [{"role": "user", "content": "hi"}]})
    chain.provider.wait_requests()
    connection.close()
    assert chain.provider.wait_dropped()


def test_a_refusal_of_the_gateway_returns_as_it_is(chain: Chain) -> None:
    """An unknown model: the gateway's own envelope and request id, through the interceptor."""
    reply = chain.clients["alpha"].chat(model="nobody", headers={"x-request-id": "mine-3"})
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
    assert reply.error["request_id"] == reply.headers["x-request-id"] == "mine-3"
    assert chain.provider.requests == []
