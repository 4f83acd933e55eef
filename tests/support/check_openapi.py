"""Does the gateway keep to its own OpenAPI document? `nox -s openapi` runs schemathesis against a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
# One group, so that an unknown model is the documented 404; its provider refuses connections, which is the 502.
CONFIG = """\
model_list:
  - model_name: m1
    litellm_params: { model: openai/m, api_key: none, api_base: "http://127.0.0.1:9/v1" }
"""
# A request of a protocol may be right and still be refused: by its provider, or because the provider has another one.
REFUSING = ("messages", "messages/count_tokens", "responses", "responses/compact")
STATUSES = '["2xx", "400", "401", "403", "404", "409", "429", "5xx"]'
EXPECTED = "".join(
    f"""
[[operations]]
include-name = "POST /v1/{path}"
[operations.checks.positive_data_acceptance]
expected-statuses = {STATUSES}
"""
    for path in REFUSING
)
MODES = {"echo": {"MINI_AGENT_OPENAI_SHIM_MODE": "echo"}, "real": {"MINI_AGENT_ALLOW_DUMMY": "1"}}


def check(name: str, mode: dict[str, str], words: list[str]) -> int:
    """Start a gateway in a mode, run schemathesis against it, end the gateway; return schemathesis's exit status."""
    print(f"== mode {name}", flush=True)
    environment = {**os.environ, **mode, "MINI_AGENT_LOG_LEVEL": "error"}
    config = Path(os.environ["TMPDIR"]) / "mini_agent.yaml"
    config.write_text(CONFIG)
    expected = Path(os.environ["TMPDIR"]) / "expected.toml"
    expected.write_text(EXPECTED)
    serve = [str(PROGRAMS / "mini-agent"), "serve", "--port", "0", "--config", str(config)]
    gateway = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert gateway.stdout
        url = gateway.stdout.readline().split()[-1]
        command = [
            str(PROGRAMS / "st"),
            "--config-file",
            str(expected),
            "run",
            f"{url}/openapi.json",
            "--seed",
            "1",
            *words,
        ]
        return subprocess.run(command, cwd=os.environ["TMPDIR"], check=False).returncode
    finally:
        gateway.terminate()
        gateway.wait()


if __name__ == "__main__":
    sys.exit(max(check(name, mode, sys.argv[1:]) for name, mode in MODES.items()))
