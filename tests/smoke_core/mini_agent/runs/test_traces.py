"""Traces of agent runs."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mini_agent.runs.trace_writer import TraceWriter
from support.gateway import UPSTREAM_KEY, Stage
from support.upstream import answer, completion

CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "exec_python", "arguments": '{"code": "print(\'out-put\')"}'},
}
PARTS = [
    {"type": "text", "text": f"my key is {UPSTREAM_KEY}"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJDREVG"}},
]


def environ(path: Path, **more: str) -> dict[str, str]:
    """Returns: the environment that stores traces at the path."""
    return {"MINI_AGENT_STORE_TRACES": "1", "MINI_AGENT_STORE_PATH": str(path), **more}


def one_run(stage: Stage, environment: dict[str, str], **fields: Any) -> dict[str, Any]:
    """Run an agent with one tool call. Returns: its answer."""
    stage.upstream.script(answer(completion(None, tool_calls=[CALL])), answer("the-final " * 40))
    body = {"model": "m1", "messages": [{"role": "user", "content": PARTS}], "use_tools": True, **fields}
    gateway = stage.gateway(environ=environment)
    reply = gateway.post("/agent/run", body, {"x-request-id": "trace-1"})
    gateway.stop()
    assert reply.status == 200
    answered: dict[str, Any] = reply.json()
    return answered


def test_line_has_the_answer_and_the_facts(stage: Stage, tmp_path: Path) -> None:
    """One line per run: the response body, who, when, what kind, and per iteration time and tools."""
    path = tmp_path / "traces.jsonl"
    body = one_run(stage, environ(path))
    (line,) = path.read_text(encoding="utf-8").splitlines()
    record = json.loads(line)
    assert {"ok", "final_answer", "stopped_reason", "metrics", "messages", "last_tool_invocation"} <= set(record)
    assert (record["request_id"], record["model"], record["tool_backend"]) == ("trace-1", "m1", "local")
    assert record["final_answer_preview"] == body["final_answer"][:200]
    assert [sorted(turn) for turn in record["iterations"]] == [["router_call_ms", "tool_invocations"]] * 2
    assert record["trace"] == {
        "request_class": {"tools": True, "auto_code": False, "images": True},
        "iterations": 2,
    }
    assert isinstance(record["ts"], float)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secrets_and_image_data_are_redacted(stage: Stage, tmp_path: Path) -> None:
    """Known keys and image data are not in the file; neither are tool headers."""
    path = tmp_path / "traces.jsonl"
    one_run(stage, environ(path), tool_http_headers={"Authorization": "Bearer tool-secret-1"})
    text = path.read_text(encoding="utf-8")
    assert [word for word in (UPSTREAM_KEY, "QUJDREVG", "tool-secret-1", "tool_http_headers") if word in text] == []
    assert "data:image/png" in text


def test_content_can_be_left_out(stage: Stage, tmp_path: Path) -> None:
    """`MINI_AGENT_STORE_CONTENT=0` drops messages, answers, previews, tool arguments and outputs, and nothing else."""
    path = tmp_path / "traces.jsonl"
    one_run(stage, environ(path, MINI_AGENT_STORE_CONTENT="0"))
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("my key", "out-put", "the-final", "print(") if word in text] == []
    record = json.loads(text)
    assert (record["metrics"]["iterations"], record["iterations"][0]["tool_invocations"][0]["rc"]) == (2, 0)


@pytest.mark.parametrize("missing", ["MINI_AGENT_STORE_TRACES", "MINI_AGENT_STORE_PATH"])
def test_nothing_is_stored_unless_both_are_set(stage: Stage, tmp_path: Path, missing: str) -> None:
    """Without switch or path there is no file."""
    path = tmp_path / "traces.jsonl"
    environment = environ(path)
    del environment[missing]
    one_run(stage, environment)
    assert not path.exists()


def test_storage_failure_is_warned_about_once_and_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    """A path that cannot be written leaves the answers whole and one warning in the log."""
    gateway = stage.gateway(environ=environ(tmp_path / "no" / "such" / "folder.jsonl"))
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}]}
    assert [gateway.post("/agent/run", body).status for _ in range(2)] == [200, 200]
    gateway.stop()
    assert [line["message"] for line in gateway.log_lines()].count("traces cannot be stored") == 1


def test_lines_of_concurrent_runs_and_apps_never_mix(stage: Stage, tmp_path: Path) -> None:
    """Two gateways writing the same file at once leave whole lines only."""
    path = tmp_path / "traces.jsonl"
    gateways = [stage.gateway(environ=environ(path)) for _ in range(2)]
    body = {"model": "m1", "messages": [{"role": "user", "content": "x" * 5000}]}
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: gateways[number % 2].post("/agent/run", body).status, range(24)))
    for gateway in gateways:
        gateway.stop()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert (replies, len(lines), len({line["request_id"] for line in lines})) == ([200] * 24, 24, 24)


def test_a_disk_that_never_answers_costs_traces_and_no_answer(stage: Stage, tmp_path: Path) -> None:
    """Runs are answered at once while nothing can be written; what is too much is dropped, counted and warned about."""
    path = tmp_path / "traces.pipe"
    os.mkfifo(path)  # To open it takes until somebody reads: the slowest disk there is.
    gateway = stage.gateway(environ=environ(path), trace_bytes=2000)
    body = {"model": "m1", "messages": [{"role": "user", "content": "hi"}], "tool_backend": "echo"}
    assert [gateway.post("/agent/run", body).status for _ in range(8)] == [200] * 8
    assert gateway.metric("mini_agent_traces_dropped_total") >= 1
    messages = [line["message"] for line in gateway.log_lines()]
    assert messages.count("traces are dropped: the disk is slower than the runs") == 1
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # Let the thread go.
    gateway.stop()
    os.close(descriptor)


def test_what_waits_is_written_when_the_gateway_ends(tmp_path: Path) -> None:
    """Every line that was taken is in the file after `aclose`, in order; later ones are dropped."""
    dropped: list[bool] = []

    async def main() -> None:
        writer = TraceWriter(
            str(tmp_path / "t"),
            lambda record: record + b"\n",
            held_bytes=10_000,
            on_drop=lambda: dropped.append(True),
            on_failure=lambda error: pytest.fail(str(error)),
        )
        for number in range(100):
            writer.put(str(number).encode())
        await writer.aclose()
        writer.put(b"late")

    asyncio.run(main())
    assert (tmp_path / "t").read_text().split() == [str(number) for number in range(100)]
    assert dropped == [True]
