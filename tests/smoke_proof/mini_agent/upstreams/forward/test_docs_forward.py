"""What docs/forward.md shows is a gateway in forward mode."""

from __future__ import annotations

from pathlib import Path

import yaml

from smoke_core.mini_agent.upstreams.forward.test_forward import KEY, forward
from support.gateway import Stage
from support.parity.suite import CASES


def test_the_file_of_the_page_serves_the_gateway(stage: Stage) -> None:
    """The example of docs/forward.md is valid, starts a gateway in forward mode, and warns of nothing."""
    page = (Path(__file__).parents[5] / "docs" / "forward.md").read_text(encoding="utf-8")
    config = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    environ = {"MASTER_KEY": "mk-of-clients", "OPENAI_API_KEY": "sk-of-openai"}
    gateway = forward(stage, config, environ=environ)
    assert gateway.chat(headers=KEY).status == 200
    assert [line for line in gateway.log_lines() if line["level"] == "warning"] == []
    assert f"One suite of {len(CASES)} requests" in page
