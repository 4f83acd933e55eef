"""Two hundred agent runs at once against the real process: right answers, nothing mixed, no growth."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mini_agent.agent.tool_values import function_spec
from support.gateway import GatewayProcess, Stage
from support.tool_host import HostRequest
from support.tool_host import Reply as ToolReply
from support.upstream import completion

pytestmark = pytest.mark.shard("shard_a")

RUNS = 200
#: Memory that a round may add once the process is warm, in kB: one part in a hundred of what it has.
SLACK_KB = 1536


async def model(request: web.Request) -> web.StreamResponse:
    """Play a model that calls one tool, then two more, then answers with all three results."""
    messages = (await request.json())["messages"]
    name = messages[0]["content"]
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if len(results) == 3:
        return web.json_response(completion(f"{name}: {' '.join(results)}"))
    numbers = [0] if not results else [1, 2]
    calls = [
        {
            "id": f"{name}-{number}",
            "type": "function",
            "function": {"name": "mark", "arguments": json.dumps({"run": name, "number": number})},
        }
        for number in numbers
    ]
    return web.json_response(completion(None, tool_calls=calls))


def mark(request: HostRequest) -> ToolReply:
    """Answer a tool call with what it was asked."""
    arguments = json.loads(request.json()["arguments"])
    return ToolReply({"ok": True, "text": f"{arguments['run']}#{arguments['number']}"})


def resident_kb(pid: int) -> int:
    """Returns: the resident memory of a process in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def round_of_runs(url: str, host: str, round_number: int) -> list[dict[str, Any]]:
    """Returns: the answers of all runs of a round, which are under way at the same time."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:

        async def one(number: int) -> dict[str, Any]:
            body = {
                "model": "m1",
                "messages": [{"role": "user", "content": f"r{round_number}-{number}"}],
                "tool_backend": "http",
                "tool_http_base_url": host,
                "tool_concurrency": 2,
            }
            async with session.post(f"{url}/agent/run", json=body) as response:
                assert response.status == 200, await response.text()
                answer: dict[str, Any] = await response.json()
                return answer

        return await asyncio.gather(*(one(number) for number in range(RUNS)))


def check(answer: dict[str, Any], name: str) -> None:
    """Check that a run has its own answer and nothing of another's in its conversation."""
    assert answer["final_answer"] == f"{name}: {name}#0 {name}#1 {name}#2"
    assert answer["metrics"]["iterations"] == 3
    ids = [message["tool_call_id"] for message in answer["messages"] if message["role"] == "tool"]
    assert ids == [f"{name}-0", f"{name}-1", f"{name}-2"]


def test_two_hundred_runs_at_once_three_rounds(stage: Stage, tmp_path: Path) -> None:
    """Every answer is right, no conversation is mixed with another, and three rounds leave memory where it was."""
    stage.upstream.script(model)
    host = stage.tool_host([function_spec("mark", "Mark.", {"run": {"type": "string"}})], mark)
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps({"model_list": [stage.entry()]}), encoding="utf-8")
    arguments = ("serve", "--port", "0", "--config", str(config))
    with GatewayProcess(*arguments, environ={"MINI_AGENT_LOG_LEVEL": "warning"}, folder=tmp_path) as process:
        process.wait_listening()
        memory = []
        for round_number in range(5):
            answers = stage.loop.run(round_of_runs(process.url, host.url, round_number))
            for number, answer in enumerate(answers):
                check(answer, f"r{round_number}-{number}")
            host.requests.clear()
            stage.upstream.requests.clear()
            memory.append(resident_kb(process.pid))
        # Two rounds to warm up: pools, caches and the allocator's arenas fill once.
        assert memory[4] - memory[1] <= SLACK_KB, memory
        assert process.stderr() == ""
