"""How the process ends when requests do not."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from support.gateway import GatewayProcess, Stage
from support.processes import carrying, ended
from support.upstream import answer, completion

pytestmark = pytest.mark.shard("shard_a")

SLEEPER = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", {mark!r}], start_new_session=True).wait()
"""


def test_request_that_does_not_end_is_cut_after_ten_seconds(stage: Stage, tmp_path: Path) -> None:
    """SIGTERM gives a running agent ten seconds, then ends it with its tool and the tool's child, and exits 0."""
    mark = f"child-of-{tmp_path.name}"
    code = json.dumps({"code": SLEEPER.format(mark=mark)})
    call = {"id": "c1", "type": "function", "function": {"name": "exec_python", "arguments": code}}
    stage.upstream.script(answer(completion(None, tool_calls=[call])))
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps({"model_list": [stage.entry()]}), encoding="utf-8")
    with GatewayProcess("serve", "--port", "0", "--config", str(config), folder=tmp_path) as process:
        process.wait_listening()
        messages = [{"role": "user", "content": "sleep"}]
        run = {"model": "m1", "messages": messages, "use_tools": True, "tool_timeout_sec": 120}
        connection = process.open_stream(run, "/agent/run")
        give_up = time.monotonic() + 15
        while not carrying(mark) and time.monotonic() < give_up:
            process.get("/ready")
        assert carrying(mark)
        started = time.monotonic()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert 9.0 < time.monotonic() - started < 13.0
        connection.close()
        assert all(map(ended, carrying(mark)))
        assert "Traceback" not in process.stderr()
