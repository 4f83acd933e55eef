"""The page of kept answers: its commands are executed as they stand."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from mini_agent.settings import Settings
from support.gateway import GatewayProcess, inherited

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "kept-answers.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    """One conversation: begun, continued, looked at, deleted."""
    (console,) = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    begin, go_on, look, delete = (line.removeprefix("$ ").replace("m1", "dummy") for line in console.splitlines())

    def run(command: str, name: str = "") -> dict[str, object]:
        environ = {**inherited(), "URL": gateway.url, "ID": name}
        done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, check=True, timeout=150)
        body: dict[str, object] = json.loads(done.stdout)
        return body

    with GatewayProcess(environ={"MINI_AGENT_ALLOW_DUMMY": "1"}, folder=tmp_path) as gateway:
        gateway.wait_listening()
        first = run(begin)
        second = run(go_on, str(first["id"]))
        assert second["previous_response_id"] == first["id"]
        assert "I am Ada." in json.dumps(run(look, str(second["id"])))
        assert run(delete, str(second["id"]))["deleted"] is True


def test_the_page_tells_every_bound() -> None:
    """The variables on the page are those that the gateway reads."""
    told = set(re.findall(r"MINI_AGENT_STORED_\w+", PAGE))
    assert told == {name for name in _variables() if name.startswith("MINI_AGENT_STORED_")}


def _variables() -> list[str]:
    return [name for field in Settings.__dataclass_fields__.values() for name in field.metadata.get("names", ())]
