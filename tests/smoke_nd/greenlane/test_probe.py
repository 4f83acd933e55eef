"""`greenlane probe` against what people run: mini-agent in both modes, and a real LiteLLM whose faults are listed.

Behind each is the gateway of rules (`tests/mutants`), so that everything a probe misses was lost on the way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.gateway import GatewayProcess, inherited
from support.parity.suite import MASTER
from support.parity.world import CONFIG
from support.real_model import GROUP

LIMITS = Path(__file__).with_name("litellm_limits.json")
"""Checks that the LiteLLM of `locks/proxy.txt` fails, by dialect: another version shows here what it has changed."""

ONCE = ("--key-env", "THE_KEY", "--samples", "1")
FULL = ("--profile", "full", *ONCE)


def probed(url: str, folder: Path, *words: str) -> dict[str, Any]:
    """Run `greenlane probe URL WORDS… --json` as users do and return what it prints."""
    command = [sys.executable, "-P", "-m", "greenlane", "probe", "--project", str(folder), url]
    command += ["--budget", "400000,150,1000"]
    environ = {**inherited(), "THE_KEY": MASTER}
    done = subprocess.run(
        [*command, *words, "--json"], env=environ, capture_output=True, text=True, check=False, timeout=170
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.shard("shard_b")
@pytest.mark.needs("litellm")
@pytest.mark.parametrize("mode", ["sdk", "forward"])
def test_mini_agent_is_ready_for_everything(mode: str, tmp_path: Path) -> None:
    """In both modes each dialect of a conversation, and whole runs, are ready for `full`: nothing at all is found."""
    environ = {name: os.environ[name] for name in ("PARITY_ROOT", "PARITY_BASE", "HEALTHY_BASE")}
    if mode == "forward":
        environ |= {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": os.environ["PARITY_LITELLM"]}
    with GatewayProcess("serve", "--port", "0", "--config", str(CONFIG), environ=environ) as gateway:
        gateway.wait_listening()
        dialects = [word for name in ("chat", "messages", "responses", "agent") for word in ("--dialect", name)]
        told = probed(gateway.url, tmp_path, *dialects, "--model", "healthy", *FULL)

    assert [(one["check"], one["dialect"], one["finding"]) for one in told["found"] if one["severity"] != "may"] == []
    assert {one["dialect"]: one["ready"] for one in told["fitness"]} == {
        "chat": "full", "messages": "full", "responses": "full", "agent": "full",
    }  # fmt: skip
    assert told["word"] == "READY"


@pytest.mark.shard("shard_b")
def test_embeddings_of_mini_agent_are_ready(tmp_path: Path) -> None:
    """Vectors come through as they are, and refusals in the form of the dialect."""
    environ = {name: os.environ[name] for name in ("PARITY_ROOT", "PARITY_BASE", "HEALTHY_BASE")}
    with GatewayProcess("serve", "--port", "0", "--config", str(CONFIG), environ=environ) as gateway:
        gateway.wait_listening()
        told = probed(gateway.url, tmp_path, "--dialect", "embeddings", "--model", "healthy-embed", *FULL)

    assert (told["word"], told["found"]) == ("READY", [])


@pytest.mark.shard("shard_b")
@pytest.mark.needs("litellm")
def test_the_limits_of_litellm_are_known(tmp_path: Path) -> None:
    """What a real LiteLLM fails is what the list says, no less and no more."""
    dialects = [word for name in ("chat", "messages", "responses") for word in ("--dialect", name)]
    told = probed(os.environ["PARITY_LITELLM"], tmp_path, *dialects, "--model", "healthy", *ONCE)

    found: dict[str, list[str]] = {}
    for one in told["found"]:
        found.setdefault(one["dialect"], []).append(one["check"])
    assert {name: sorted(checks) for name, checks in found.items()} == json.loads(LIMITS.read_text())
    assert told["word"] == "NOT READY"


@pytest.mark.shard("shard_a")
@pytest.mark.needs("model")
def test_a_real_model_is_ready_for_what_it_can_do(tmp_path: Path) -> None:
    """A small model behind the gateway is ready for chats; what depends on chance is told with its interval."""
    words = ("--dialect", "chat", "--model", GROUP, "--samples", "2")
    told = probed(os.environ["MINI_AGENT_API_BASE"], tmp_path, *words)

    assert told["word"] in ("READY", "READY WITH LIMITS"), told["found"]
    assert told["fitness"][0]["ready"] != ""
    assert {rate["of"] for rate in told["rates"]} == {2}
    assert all(rate["low"] <= rate["passed"] / 2 <= rate["high"] for rate in told["rates"])
