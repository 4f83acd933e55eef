"""Two hundred streams at once over the three dialects, from a provider that flaps: right, or an honest error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from support.dialect_listener import listen, server_events
from support.dialect_requests import REQUESTS
from support.dialect_scripts import DIALECTS, PATHS, Script, Words, failing, speak, wire
from support.dialect_world import GROUP, MODES, PATH, entries
from support.gateway import GatewayProcess, Stage
from support.upstream import abort, pieces, refuse

pytestmark = pytest.mark.shard("shard_a")

STREAMS = 200
#: Memory that a round may add once the process is warm, in kB: what is kept of its responses is more than that.
SLACK_KB = 2048
KINDS = ("whole", "whole", "whole", "refused", "broken", "failed", "reset")


def words_of(user: str) -> str:
    """Returns: what the provider says to a user."""
    return f"Hello {user}, yours is {user}-secret."


async def flapping(request: web.Request) -> web.StreamResponse:
    """Answer a user with words of its own, or fail in one of the ways in which providers do."""
    user = request.headers["x-sm-user-id"]
    raw = await request.text()
    if f"for {user}." not in raw or "user-" in raw.replace(user, ""):
        return web.json_response({"error": {"message": f"not of {user}: {raw}"}}, status=418)
    dialect = PATHS[request.path]
    script = Script((Words(words_of(user)),))
    events = script.events(dialect)
    half = wire(dialect, events[: len(events) // 2], done=False)
    match KINDS[int(user.removeprefix("user-")) % len(KINDS)]:
        case "refused":
            return await refuse(503, "we are flapping")(request)
        case "broken":
            return await pieces(half)(request)
        case "failed":
            return await pieces(half, wire(dialect, [failing(dialect, "we are flapping")], done=False))(request)
        case "reset":
            return await abort()(request)
    return await speak(script)(request)


def resident_kb(pid: int) -> int:
    """Returns: the resident memory of a process in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def stream_of(session: aiohttp.ClientSession, url: str, number: int) -> tuple[int, bytes]:
    """Returns: status and body of one stream. number: of the user, whose dialect and provider follow from it."""
    caller, provider = DIALECTS[number % 3], DIALECTS[number // 3 % 3]
    body = {**REQUESTS["stream"](caller), "model": GROUP[provider]}
    body |= {"store": False} if caller == "openai_responses" else {}
    conversation = "input" if caller == "openai_responses" else "messages"
    body[conversation] = [{"role": "user", "content": f"a word for user-{number}."}]
    headers = {"x-memory-user-id": f"user-{number}"}
    async with session.post(f"{url}{PATH[caller]}", json=body, headers=headers) as answer:
        return answer.status, await answer.read()


async def round_of_streams(url: str) -> list[tuple[int, bytes]]:
    """Returns: what came of all streams, which are under way at the same time."""
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return list(await asyncio.gather(*(stream_of(session, url, number) for number in range(STREAMS))))


def check(number: int, status: int, raw: bytes) -> None:
    """See that a stream is whole and its user's own, or says that it failed. Raises: AssertionError."""
    user, caller = f"user-{number}", DIALECTS[number % 3]
    assert b"user-" not in raw.replace(user.encode(), b""), (number, raw)
    match KINDS[number % len(KINDS)]:
        case "whole":
            assert (status, listen(caller, raw).text) == (200, words_of(user))
        case "refused":
            assert (status, error_of(caller, json.loads(raw))) == (503, "we are flapping")
        case "reset":
            assert status == 502, raw
        case _:
            assert status == 200
            assert error_of(caller, server_events(caller, raw)[-1])


def error_of(caller: str, told: Mapping[str, Any]) -> str:
    """Returns: the message of an error, as an answer or as the last event."""
    error = told["response"]["error"] if "response" in told else told["error"]
    assert isinstance(error["message"], str)
    return str(error["message"])


@pytest.mark.parametrize("mode", MODES)
def test_two_hundred_streams_of_a_flapping_provider(stage: Stage, tmp_path: Path, mode: str) -> None:
    """Every answer is right or an honest error, nothing is another user's, and the process does not grow."""
    stage.upstream.script(flapping)
    config = tmp_path / "gateway.yaml"
    config.write_text(json.dumps({"model_list": entries(stage)}), encoding="utf-8")
    environ = {
        "MINI_AGENT_PROVIDER_MODE": mode,
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
        "MINI_AGENT_LOG_LEVEL": "error",
    }
    with GatewayProcess("serve", "--port", "0", "--config", str(config), environ=environ) as gateway:
        gateway.wait_listening()
        levels = []
        for _ in range(3):
            for number, (status, raw) in enumerate(asyncio.run(round_of_streams(gateway.url))):
                check(number, status, raw)
            levels.append(resident_kb(gateway.pid))
        assert levels[-1] - levels[-2] <= SLACK_KB, levels
        metrics = gateway.get("/metrics").body.decode()
    assert "mini_agent_streams_in_flight 0" in metrics
