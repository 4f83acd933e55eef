"""The clients that people really have meet the gateway: the openai package, litellm, curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import openai
import pytest

from smoke_nd.conftest import MASTER
from support.gateway import GatewayProcess
from support.upstream import (
    Upstream,
    answer,
    chunk,
    completion,
    finish_chunk,
    refuse,
    stream_of,
    text_stream,
    usage_chunk,
)

pytestmark = pytest.mark.shard("shard_b")

TOOLS: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}


@pytest.fixture
def client(served: GatewayProcess) -> Any:
    """The openai package, pointed at the gateway."""
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key=MASTER, max_retries=0) as made:
        yield made


def chat(client: openai.OpenAI, **more: Any) -> Any:
    """Ask the one group."""
    return client.chat.completions.create(model="m1", messages=[{"role": "user", "content": "hi"}], **more)


def test_openai_plain(client: openai.OpenAI, upstream: Upstream) -> None:
    """A plain answer arrives as a completion object with usage."""
    upstream.script(answer(completion("grüß dich")))
    reply = chat(client)
    assert (reply.choices[0].message.content, reply.usage.total_tokens) == ("grüß dich", 7)


def test_openai_streamed(client: openai.OpenAI, upstream: Upstream) -> None:
    """A stream arrives chunk by chunk, the usage chunk after the last one included."""
    upstream.script(stream_of([chunk({"content": "a"}), chunk({"content": "b"}), finish_chunk(), usage_chunk()]))
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "ab"
    assert chunks[-1].usage.total_tokens == 3


def test_openai_tools(client: openai.OpenAI, upstream: Upstream) -> None:
    """Tools reach the provider, and its tool call comes back whole."""
    upstream.script(answer(completion(None, tool_calls=[CALL])))
    reply = chat(client, tools=TOOLS)
    assert reply.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'
    assert reply.choices[0].finish_reason == "tool_calls"
    assert upstream.requests[0].body["tools"] == TOOLS


ERRORS = {
    "rate limit": (429, openai.RateLimitError),
    "bad request": (400, openai.BadRequestError),
    "provider fails": (500, openai.InternalServerError),
}


@pytest.mark.parametrize(("status", "kind"), ERRORS.values(), ids=ERRORS.keys())
def test_openai_errors(client: openai.OpenAI, upstream: Upstream, status: int, kind: type[openai.APIError]) -> None:
    """Provider failures arrive as the client's own exceptions, with our request id."""
    upstream.script(refuse(status))
    with pytest.raises(kind) as caught:
        chat(client)
    assert isinstance(caught.value, openai.APIStatusError)
    assert caught.value.response.headers["x-request-id"] == caught.value.body["request_id"]  # type: ignore[index]


LITELLM = """
import json, os, sys
import litellm
plain = litellm.completion(
    model="openai/m1", messages=[{"role": "user", "content": "hi"}], api_base=sys.argv[1], api_key=sys.argv[2])
parts = litellm.completion(
    model="openai/m1", messages=[{"role": "user", "content": "hi"}], api_base=sys.argv[1], api_key=sys.argv[2],
    stream=True)
text = "".join(part.choices[0].delta.content or "" for part in parts)
print(json.dumps([plain.choices[0].message.content, plain.usage.total_tokens, text]))
"""


def test_litellm(served: GatewayProcess, upstream: Upstream) -> None:
    """`litellm.completion` meets the gateway as an OpenAI-compatible provider, plain and streamed."""
    upstream.script(answer(completion("plain")), text_stream("stre", "amed"))
    command = [sys.executable, "-c", LITELLM, f"{served.url}/v1", MASTER]
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == ["plain", 7, "streamed"]


def test_curl(served: GatewayProcess, upstream: Upstream) -> None:
    """Curl streams an answer to its end."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    upstream.script(text_stream("a", "b"))
    body = json.dumps({"model": "m1", "messages": [{"role": "user", "content": "hi"}], "stream": True})
    command = [curl, "-sSN", f"{served.url}/v1/chat/completions", "-H", f"Authorization: Bearer {MASTER}"]
    command += ["-H", "content-type: application/json", "-d", body]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.endswith("data: [DONE]\n\n")
