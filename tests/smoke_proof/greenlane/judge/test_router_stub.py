"""The stub, as LiteLLM itself understands it: a real Router, through a real gateway, on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from greenlane.config.lanes import Router
from greenlane.ext.llm.guard import stub
from support.gateway import Stage, inherited

SCRIPT = """
import json, os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm, yaml
looked_up = []
sys.addaudithook(lambda name, args: looked_up.append(str(args[0])) if name == "socket.getaddrinfo" else None)
with open(sys.argv[1]) as file:
    router = litellm.Router(**yaml.safe_load(file), num_retries=0)
messages = [{"role": "user", "content": "hi"}]
answer = router.completion("codex-agent-1", messages)
told = {"text": answer.choices[0].message.content, "model": answer.model, "hosts": sorted(set(looked_up))}
looked_up.clear()
try:
    router.completion("gateway.example", messages)
except litellm.BadRequestError as error:
    told["refused"] = str(error)
told["hosts_of_the_refused"] = looked_up
print(json.dumps(told))
"""


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    """What a Router made from the stub says; the gateway serves the group from a codex agent."""
    with Stage(tmp_path) as stage:
        params = {"model": "codex-agent/m1", "api_base": stage.upstream.base}
        group = {"model_name": "codex-agent-1", "litellm_params": params}
        gateway = stage.gateway({"model_list": [group]}, {"LITELLM_ENABLE_CODEX_AGENT": "1"})
        config = tmp_path / "router_stub.yaml"
        config.write_text(stub(Router(), ("codex-agent-1",), gateway.url))
        command = [sys.executable, "-c", SCRIPT, str(config)]
        done = subprocess.run(command, env=inherited(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {**answer, "requests": len(stage.upstream.requests)}


def test_a_router_made_from_the_stub(told: dict[str, Any]) -> None:
    """`codex-agent-1` answers through our gateway. A group that is not in it is refused, and no name is looked up.

    In the core lane the kernel counts every attempt to leave the loopback, also of compiled clients.
    """
    assert (told["text"], told["model"], told["requests"]) == ("hi there", "upstream-model", 1)
    assert told["hosts"] in ([], ["127.0.0.1"])
    assert "gateway.example" in told["refused"]
    assert told["hosts_of_the_refused"] == []
