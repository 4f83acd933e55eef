"""The pages for clients are true: their commands and programs run as they stand, against a gateway of their own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.gateway import GatewayProcess, inherited
from support.loop_thread import LoopThread
from support.memory_service import MEMORY_KEY, MemoryService
from support.upstream import Upstream, answer, pieces, text_stream

PAGES = Path(__file__).parents[2] / "docs" / "clients"
KEY = "sk-master-of-the-pages"
USERS = {"alice": "Alice drinks tea.", "bob": "Bob drinks coffee.", "pycharm-demo": "The demo drinks nothing."}


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of the fenced blocks of a page."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[Any]:
    """Return the shell blocks of a page after the first, which sets variables, each with the JSON that follows it."""
    found = blocks(page)
    pairs = zip(found, [*found[1:], ("", "")], strict=True)
    cases = [
        (text, json.loads(then) if kind == "json" else None) for (word, text), (kind, then) in pairs if word == "sh"
    ]
    return [pytest.param(*case, id=str(number)) for number, case in enumerate(cases[1:], 1)]


class Pages:
    """What the pages take for granted: provider, memory service, gateway, and an interceptor in a folder `demo`."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        loop = stack.enter_context(LoopThread())
        self.provider = stack.enter_context(Upstream(loop))
        memory = stack.enter_context(MemoryService(loop))
        for user, fact in USERS.items():
            memory.remember(f"supermemory_{user}", fact)
        (config,) = [text for kind, text in blocks("README.md") if kind == "yaml"]
        (folder / "mini_agent.yaml").write_text(config, encoding="utf-8")
        environ = {
            "GATEWAY_KEY": KEY,
            "OPENAI_API_KEY": "sk-upstream-key",
            "OPENAI_BASE_URL": self.provider.base,
            "SUPERMEMORY_API_KEY": MEMORY_KEY,
            "SUPERMEMORY_BASE_URL": memory.base,
        }
        gateway = stack.enter_context(GatewayProcess("serve", "--port", "0", environ=environ, folder=folder))
        gateway.wait_listening()
        (folder / "demo").mkdir()
        environ = {
            "INTERCEPTOR_API_KEY": KEY,
            "MEMORY_PROXY_URL": gateway.url,
            "PORT_REGISTRY_PATH": str(folder / "registry.json"),
        }
        interceptor = GatewayProcess("intercept", "run", environ=environ, folder=folder / "demo")
        stack.enter_context(interceptor).wait_listening()
        self.environ = {**inherited(), "BASE": gateway.url, "PROJECT": interceptor.url, "KEY": KEY}
        self.gateway = gateway

    def run(self, *command: str) -> str:
        """Return what the command prints. It must succeed, and complain of nothing."""
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=50, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The processes, started once."""
    with ExitStack() as stack:
        yield Pages(stack, tmp_path_factory.mktemp("pages"))


def assert_contains(actual: Any, expected: Any) -> None:
    """Everything that the page shows is in the answer; the answer may have more members."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict)
        for name, value in expected.items():
            assert name in actual
            assert_contains(actual[name], value)
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_contains(one, other)
    else:
        assert actual == expected


def test_the_curl_page_names_the_defaults() -> None:
    """The first block of the page is where gateway and first interceptor listen unless told otherwise."""
    kind, text = blocks("curl.md")[0]
    assert kind == "sh"
    assert "BASE=http://127.0.0.1:8788 PROJECT=http://127.0.0.1:8888 " in text


@pytest.mark.parametrize(("command", "expected"), commands("curl.md"))
def test_curl(pages: Pages, command: str, expected: Any) -> None:
    """Every command of the page runs as it stands, and prints what stands below it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    pages.provider.forget()
    pages.provider.script(text_stream("te", "a") if '"stream": true' in command else answer("tea"))
    printed = pages.run("bash", "-euc", command)
    if expected is None:
        assert printed.endswith("data: [DONE]\n\n")
    else:
        assert_contains(json.loads(printed), expected)
    user = "pycharm-demo" if "$PROJECT" in command else "alice"
    for request in pages.provider.requests:
        assert request.header("x-sm-user-id") == user
        assert USERS[user] in request.raw.decode()
    asks = "What do I drink?" in command
    assert bool(pages.provider.requests) == asks


def test_openai(pages: Pages) -> None:
    """The program of the page runs as it stands; each request has its user's memory."""
    (program,) = [text for kind, text in blocks("openai-python.md") if kind == "python"]
    pages.provider.forget()
    pages.provider.script(answer("tea"), text_stream("cof", "fee"))
    assert pages.run(sys.executable, "-c", program) == "tea\ncoffee\n"
    assert [request.header("x-sm-user-id") for request in pages.provider.requests] == ["alice", "bob"]
    for user, request in zip(("alice", "bob"), pages.provider.requests, strict=True):
        assert USERS[user] in request.raw.decode()


def test_what_the_claude_code_page_says_of_keys_users_and_memory(pages: Pages) -> None:
    """Either header carries the key, the pattern finds a user, and memory is in what the provider sees."""
    body = {"model": "chat", "max_tokens": 9, "messages": [{"role": "user", "content": "What do I drink?"}]}
    for key in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        pages.provider.forget()
        pages.provider.script(answer("tea"))
        reply = pages.gateway.post("/v1/messages", body, {**key, "x-memory-user-id": "alice"})
        assert (reply.status, reply.json()["type"]) == (200, "message")
        assert USERS["alice"] in pages.provider.requests[0].raw.decode()
    routing = pages.gateway.get("/memory-routing/info", {"user-agent": "claude-cli/2.1.0 (external, cli)"}).json()
    assert routing["user_id"] == "claude-code"


#: A stream in Anthropic's form, which has names for its events.
ANTHROPIC = (
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","text":"grüße"}\n\n'.encode(),
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)


def test_what_the_claude_code_page_says_of_forward_mode(tmp_path: Path) -> None:
    """A group of Anthropic's: `/v1/messages` reaches the process as Claude Code sent it, with user and key of ours.

    Once with the user's header, straight to the gateway, and once without it, through a project's interceptor.
    """
    (tmp_path / "demo").mkdir()
    with ExitStack() as stack:
        external = stack.enter_context(Upstream(stack.enter_context(LoopThread())))
        environ = {
            "MINI_AGENT_MASTER_KEY": KEY,
            "MINI_AGENT_FORWARD_URL": f"http://127.0.0.1:{external.port}",
            "MINI_AGENT_FORWARD_KEY": "sk-forward-key",
            "PORT_REGISTRY_PATH": str(tmp_path / "registry.json"),
        }
        group = {"model_name": "chat", "litellm_params": {"model": "anthropic/claude-x", "api_key": "x"}}
        (tmp_path / "mini_agent.yaml").write_text(json.dumps({"model_list": [group]}), encoding="utf-8")
        command = ("serve", "--port", "0", "--mode", "forward")
        gateway = stack.enter_context(GatewayProcess(*command, environ=environ, folder=tmp_path))
        gateway.wait_listening()
        environ["MEMORY_PROXY_URL"] = gateway.url
        interceptor = GatewayProcess("intercept", "run", environ=environ, folder=tmp_path / "demo")
        stack.enter_context(interceptor).wait_listening()
        external.script(pieces(*ANTHROPIC))
        body = {"model": "chat", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "grüße"}]}
        headers = {
            "authorization": f"Bearer {KEY}",
            "anthropic-version": "2023-06-01",
            "anthropic-beta": "fine-grained-tool-streaming-2025-05-14",
            "user-agent": "claude-cli/2.1.0 (external, cli)",
        }
        for client, more in ((gateway, {"x-memory-user-id": "alice"}), (interceptor, {})):
            reply = client.post("/v1/messages?beta=true", body, {**headers, **more})
            assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert reply.body == b"".join(ANTHROPIC)
    direct, intercepted = external.requests
    assert (direct.header("x-sm-user-id"), intercepted.header("x-sm-user-id")) == ("alice", "pycharm-demo")
    for request in external.requests:
        assert (request.path, request.body) == ("/v1/messages", body)
        assert request.header("authorization") == "Bearer sk-forward-key"
        for name in ("anthropic-version", "anthropic-beta"):
            assert request.header(name) == headers[name]


def test_the_codex_page(pages: Pages) -> None:
    """Its configuration names the route, the protocol and the header that this gateway answers to."""
    (config,) = [tomllib.loads(text) for kind, text in blocks("codex.md") if kind == "toml"]
    provider = config["model_providers"][config["model_provider"]]
    assert provider["wire_api"] == "responses"
    assert provider["base_url"] == "http://127.0.0.1:8788/v1"
    pages.provider.forget()
    pages.provider.script(answer("tea"))
    headers = {"authorization": f"Bearer {KEY}", **provider["http_headers"]}
    body = {"model": config["model"], "input": "What do I drink?", "store": False}
    reply = pages.gateway.post("/v1/responses", body, headers)
    assert (reply.status, reply.json()["output"][0]["content"][0]["text"]) == (200, "tea")
    assert USERS["alice"] in pages.provider.requests[0].raw.decode()


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES.glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of the pages names a file, and the README names every page."""
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", (PAGES / page).read_text(encoding="utf-8")):
        assert link.startswith("https://") or (PAGES / link).is_file(), link
    readme = (PAGES.parents[1] / "README.md").read_text(encoding="utf-8")
    assert page == "README.md" or f"docs/clients/{page}" in readme
