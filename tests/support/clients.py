"""People's clients, unmodified, before a real `mini-agent` in both modes, each in a network where nobody else is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.dialect_scripts import PATHS, Call, Script, Words, speak
from support.gateway import UPSTREAM_KEY, GatewayProcess, Stage, inherited
from support.memory_service import MEMORY_KEY
from support.sealed import carrier
from support.upstream import Behaviour, Seen

PAGES = Path(__file__).parents[2] / "docs" / "clients"
KEY = "sk-master-of-the-pages"
FACTS = {"alice": "Alice drinks tea.", "bob": "Bob drinks coffee."}
ANSWER = "The tea is ready."
CALL = "call_from_the_script"
#: Where a client finds each mode when it meets both; 8788 is the port of the pages.
PORTS = {"sdk": 8788, "forward": 8789}
#: What the provider of the group `chat` speaks, in each mode.
SPEAKS = {"sdk": "/v1/chat/completions", "forward": "/v1/messages"}
_ENTRIES = {"sdk": "openai/up", "forward": "anthropic/up"}


def blocks(page: str, section: str = "") -> dict[str, str]:
    """Return the fenced blocks of a page, or of one of its sections, by language: the last one of each."""
    text = (PAGES / page).read_text(encoding="utf-8")
    if section:
        text = text.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


@dataclass(frozen=True)
class Ran:
    """What a client did. output, error: what it printed; requests: what the provider saw; home: its folders."""

    output: str
    error: str
    requests: list[Seen]
    home: Path

    def told(self, mode: str) -> list[Seen]:
        """Returns: what the provider saw of one mode."""
        return [request for request in self.requests if request.path == SPEAKS[mode]]


class Clients:
    """The world: a provider, a memory that knows alice and bob, and a gateway in each mode."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._provider = stage.upstream
        self._folder = folder
        memory = stage.memory_service()
        for user, fact in FACTS.items():
            memory.remember(f"supermemory_{user}", fact)
        root = self._provider.base.removesuffix("/v1")
        self._doors: dict[str, str] = {}
        for mode, model in _ENTRIES.items():
            params = {"model": model, "api_key": UPSTREAM_KEY, "api_base": self._provider.base}
            config = {
                "general_settings": {"master_key": KEY},
                "model_list": [{"model_name": "chat", "litellm_params": params}],
                "context_retrieval": {"enabled": True, "api_key": MEMORY_KEY, "base_url": memory.base},
            }
            path = folder / f"{mode}.yaml"
            path.write_text(json.dumps(config), encoding="utf-8")
            arguments = ("serve", "--port", "0", "--config", str(path), "--mode", mode)
            environ = {"MINI_AGENT_FORWARD_URL": root} if mode == "forward" else {}
            gateway = stage.enter(GatewayProcess(*arguments, environ=environ, program="mini-agent"))
            gateway.wait_listening()
            self._doors[mode] = str(folder / f"{mode}.sock")
            to_gateway = carrier(partial(asyncio.open_connection, gateway.host, gateway.port))
            door = stage.loop.run(asyncio.start_unix_server(to_gateway, self._doors[mode]))
            stage.enter(closing(door))

    def run(
        self,
        name: str,
        command: Iterable[str],
        tool: str,
        arguments: Mapping[str, Any],
        ports: Mapping[str, int],
        files: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a client in a network that holds nothing but the gateway, and prove that it called for nobody else.

        tool, arguments: what the model asks it to do, once. ports: where it finds which mode. files: of its home.
        """
        home = self._folder / name
        for path, text in {"work/.keep": "", **(files or {})}.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text, encoding="utf-8")
        self._provider.forget()
        self._provider.script(_model(tool, json.dumps(arguments)))
        doors = [f"{port}={self._doors[mode]}" for mode, port in ports.items()]
        sealed = [sys.executable, "-P", str(Path(__file__).with_name("sealed.py")), str(home / "report"), *doors, "--"]
        own = {"HOME": str(home), "BASE": "http://127.0.0.1:8788", "KEY": KEY}
        done = subprocess.run(
            [*sealed, *command],
            env={**inherited(), **own, **(environ or {})},
            cwd=home / "work",
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        report = json.loads((home / "report").read_text(encoding="utf-8"))
        if report["level"] != "kernel":
            pytest.skip(f"this machine has no network of a client's own: {report['reason']}")
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert (report["refused"], report["datagrams"]) == (0, 0), "it called for somebody else"
        return Ran(done.stdout, done.stderr, list(self._provider.requests), home)


def check_memory(requests: Sequence[Seen], result: str = "") -> None:
    """Assert that the provider saw alice's memory in each request, nobody else's, and her tool's result, if any."""
    raws = [request.raw.decode() for request in requests]
    assert raws
    assert all(FACTS["alice"] in raw and FACTS["bob"] not in raw for raw in raws)
    assert not result or any(CALL in raw and result in raw for raw in raws)
    assert {request.header("x-sm-user-id") for request in requests} == {"alice"}


def programs(folder: Path, python: Path, commands: Mapping[str, Sequence[str]]) -> str:
    """Make commands of what is there of an environment's programs. Returns: the PATH that has them."""
    folder.mkdir()
    there = {name: words for name, words in commands.items() if all(map(os.path.exists, words))}
    for name, words in there.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {" ".join(words)} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    return os.pathsep.join((str(folder), str(python.parent), os.environ["PATH"]))


def _model(tool: str, arguments: str) -> Behaviour:
    """Call the tool once, when it is offered, and answer when its result is there."""

    async def behave(request: web.Request) -> web.StreamResponse:
        assert request.path in PATHS, request.path
        raw = (await request.read()).decode()
        if f'"{tool}"' not in raw or CALL in raw:
            return await speak(Script((Words(ANSWER),)))(request)
        asks = Script((Words("I will."), Call(CALL, tool, arguments)), finish="tool_calls")
        return await speak(asks)(request)

    return behave
