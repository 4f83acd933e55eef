"""The docker tool backend in a real container, where an engine answers on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.gateway import GatewayProcess, Stage
from support.http_client import HttpClient
from support.tool_calls import call
from support.upstream import answer

pytestmark = [pytest.mark.shard("shard_a"), pytest.mark.needs("docker")]

PROGRAM = "import os, sys; print(os.path.exists('/.dockerenv'), sys.version_info[:2], os.environ.get('SECRET'))"
CALLS = {
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "tool_calls": [call("python", {"code": PROGRAM})]},
            "finish_reason": "tool_calls",
        }
    ],
}
CLIENT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")


def test_a_run_executes_in_the_container(tmp_path: Path) -> None:
    """What a model calls runs in there, with its interpreter and nothing of our environment."""
    box = urlsplit(os.environ["DOCKER_BOX"])
    assert box.hostname
    assert box.port
    container = HttpClient(box.hostname, box.port).get("/ready").json()["container"]
    with Stage(tmp_path) as stage:
        stage.upstream.script(answer(CALLS), answer("done"))
        (tmp_path / "mini_agent.yaml").write_text(json.dumps({"model_list": [stage.entry("m1")]}), encoding="utf-8")
        environ = {name: os.environ[name] for name in CLIENT if name in os.environ}
        environ |= {"LITELLM_MINI_AGENT_DOCKER_CONTAINER": container, "SECRET": "not-for-tools"}
        with GatewayProcess("serve", "--port", "0", environ=environ, folder=tmp_path) as gateway:
            gateway.wait_listening()
            body = {"model": "m1", "tool_backend": "docker", "use_tools": True, "tool_timeout_sec": 30}
            reply = gateway.post("/agent/run", {**body, "messages": [{"role": "user", "content": "go"}]})
    record = reply.json()["last_tool_invocation"]
    assert (record["docker"], record["container"]) == (True, container)
    assert record["stdout"].strip() == "True (3, 11) None"
