"""The local backend, with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_agent.agent import run
from mini_agent.agent.values import AgentConfig, AgentResult
from mini_agent.tools.local.invoker import LocalInvoker
from mini_agent.tools.local.runner import Bare, Runner
from mini_agent.tools.local.sandbox.client import Sandbox
from support.agent_runs import PROPERTY, tool_messages
from support.hand_clock import HandClock
from support.processes import Flag, ended, read_pids
from support.scripted_model import ScriptedModel, asks
from support.tool_calls import call, calling, once

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/home/someone", "SECRET": "s", "LANG": "C.UTF-8"}


class _Local(LocalInvoker):
    """A local backend that owns what it runs programs with."""

    def __init__(self, runner: Runner | None, **options: Any) -> None:
        super().__init__(runner=runner, **options)
        self._own = runner

    async def aclose(self) -> None:
        """Close it."""
        if self._own is not None:
            await self._own.aclose()


def _local(
    environ: dict[str, str] | None = None, kind: Any = Bare, python: str | None = None, **options: Any
) -> _Local:
    return _Local(kind(environ=ENVIRON if environ is None else environ, python=python), **options)


each_runner = pytest.mark.parametrize("kind", [Bare, Sandbox])


def _python(code: str, **options: Any) -> dict[str, Any]:
    return once(lambda: _local(**options), "exec_python", {"code": code})


def _names(**options: Any) -> list[str]:
    return [spec["function"]["name"] for spec in asyncio.run(_local(**options).list_tools())]


def test_listing_has_the_five_tools_or_without_execution_two() -> None:
    """Without execution tools only those without a process are listed."""
    plain = ["research_echo", "compress_runs"]
    assert _names() == ["exec_python", "exec_code", "exec_shell", *plain]
    assert [spec["function"]["name"] for spec in asyncio.run(_Local(None).list_tools())] == plain


@pytest.mark.parametrize("name", ["exec_python", "python", "__main__", "exec_code", "exec_shell"])
def test_unlisted_execution_tools_do_not_run(name: str) -> None:
    """What is not listed is not run either, under none of its names."""
    record = once(lambda: _Local(None), name, {"code": "print(1)", "cmd": "echo 1"})
    assert (record["ok"], record["error"]) == (False, f"unknown tool '{name}'")


@each_runner
def test_python_runs_in_the_current_interpreter(kind: Any) -> None:
    """A program's output, status and time are reported."""
    record = _python("import sys; print(sys.executable); print('é', file=sys.stderr)", kind=kind)
    assert record.pop("t_ms") > 0
    assert record == {
        "ok": True,
        "name": "exec_python",
        "rc": 0,
        "stdout": f"{sys.executable}\n",
        "stderr": "é\n",
        "truncated": False,
    }


@each_runner
@pytest.mark.parametrize("name", ["EXEC_PYTHON", "Python", "__main__", "exec_code"])
def test_names_are_case_insensitive_and_have_aliases(kind: Any, name: str) -> None:
    """Every name of Python runs it, with `source` instead of `code` too."""
    assert once(lambda: _local(kind=kind), name, {"source": "print(1)"})["stdout"] == "1\n"


@each_runner
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import sys; sys.exit('a' * 300)", "rc=1: " + "a" * 200),
        ("print('out'); raise SystemExit(3)", "rc=3: out\n"),
        ("import os; os.kill(os.getpid(), 15)", "rc=-15: "),
    ],
)
def test_a_failed_program_says_how(kind: Any, code: str, error: str) -> None:
    """The error is `rc=N: ` and the first 200 characters of stderr, or of stdout."""
    record = _python(code, kind=kind)
    assert (record["ok"], record["error"]) == (False, error)


@pytest.mark.parametrize("raw", ["", "x", "[1]", '"code"', "null", "1"])
@pytest.mark.parametrize("tool", ["exec_python", "exec_shell", "research_echo", "compress_runs"])
def test_arguments_must_be_an_object(tool: str, raw: str) -> None:
    """Anything but a JSON object is answered with the exact text, and nothing runs."""
    record = once(_local, tool, raw)
    assert (record["ok"], record["error"]) == (False, "invalid arguments: expected a JSON object")


@pytest.mark.parametrize(
    ("tool", "arguments", "error"),
    [
        ("exec_python", {}, "missing string 'code'"),
        ("exec_python", {"code": 1}, "missing string 'code'"),
        ("exec_code", {"language": "rust", "code": "print(1)"}, "unsupported language: rust"),
        ("exec_code", {"language": 5, "code": "print(1)"}, "unsupported language: 5"),
        ("exec_shell", {}, "missing string 'cmd'"),
        ("exec_shell", {"cmd": "echo 'open"}, "invalid cmd: No closing quotation"),
        ("exec_shell", {"cmd": "echo a\0b"}, "invalid cmd: null character"),
        ("compress_runs", {}, "missing string 's'"),
        ("compress_runs", {"s": ""}, "missing string 's'"),
        ("nope", {}, "unknown tool 'nope'"),
    ],
)
def test_bad_calls_get_clear_errors(tool: str, arguments: dict[str, Any], error: str) -> None:
    """Each mistake has its own text, and foreign code never runs as Python."""
    record = once(_local, tool, arguments)
    assert (record["ok"], record["error"]) == (False, error)
    assert "stdout" not in record


@pytest.mark.parametrize(
    "command", ["echos", "ech", "Echo hi", "/bin/echo hi", "./echo", "", "   ", "env echo", "echo;ls", "'echo hi'"]
)
def test_the_allow_list_compares_argv0_exactly(command: str) -> None:
    """No prefix, path, casing or list of commands passes for `echo`."""
    record = once(_local, "exec_shell", {"cmd": command})
    assert (record["ok"], record["error"]) == (False, "cmd prefix not allowed")


@each_runner
def test_a_command_runs_without_a_shell(kind: Any) -> None:
    """Argv is split like a shell would, and nothing is expanded, piped or chained."""
    record = once(lambda: _local(kind=kind), "exec_shell", {"cmd": "echo 'a  b' $HOME *; ls | cat > x"})
    assert record["stdout"] == "a  b $HOME *; ls | cat > x\n"


@each_runner
def test_a_missing_command_is_a_failed_call(kind: Any) -> None:
    """An allowed command that does not exist is reported, not raised."""
    record = once(lambda: _local(kind=kind, shell_allow=("no-such",)), "exec_shell", {"cmd": "no-such"})
    assert (record["ok"], record["error"]) == (False, "cannot start: No such file or directory")


def test_research_echo_and_compress_runs() -> None:
    """The tools without a process answer as specified."""
    record = once(_local, "research_echo", {"query": "q"})
    assert (record["ok"], record["answer"], record["citations"]) == (True, "echo: q", [])
    assert once(_local, "compress_runs", {"s": "aaabbc"})["result"] == "a3b2c1"


@PROPERTY
@given(st.text(st.characters(exclude_categories=["Nd", "Cs"]), min_size=1, max_size=30))
def test_compressed_runs_can_be_expanded(text: str) -> None:
    """Run lengths and characters together are the text."""
    packed = once(_local, "compress_runs", {"s": text})["result"]
    expanded, index = "", 0
    while index < len(packed):
        digits = index + 1
        while digits < len(packed) and packed[digits].isascii() and packed[digits].isdigit():
            digits += 1
        expanded += packed[index] * int(packed[index + 1 : digits])
        index = digits
    assert expanded == text


def test_the_child_environment_holds_five_names() -> None:
    """Whatever ours holds, a child sees PATH, HOME, LANG, LC_ALL and TMPDIR, with our values of the first three."""
    record = _python("import os\nfor item in sorted(os.environ.items()): print(*item)")
    seen_by_child = dict(line.split(" ", 1) for line in record["stdout"].splitlines())
    assert set(seen_by_child) == {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}
    assert seen_by_child["HOME"] == "/home/someone"
    assert seen_by_child["PATH"] == ENVIRON["PATH"]


def test_the_working_directory_is_fresh_and_removed(tmp_path: Path) -> None:
    """Each call starts in an empty folder of its own; it and all temporary files are gone afterwards."""
    code = (
        "import os, tempfile; print(os.listdir(), os.getcwd()); open('f', 'w'); tempfile.mkstemp();"
        "os.mkdir('d'); open('d/g', 'w'); os.chmod('d', 0)"
    )
    environ = {**ENVIRON, "TMPDIR": str(tmp_path)}
    first, second = (once(lambda: _local(environ), "exec_python", {"code": code})["stdout"] for _ in range(2))
    assert first.startswith(f"[] {tmp_path}/")
    assert second.startswith("[] ")
    assert first != second
    assert list(tmp_path.iterdir()) == []


@each_runner
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_beyond_the_cap_is_drained(kind: Any, stream: str) -> None:
    """A child that writes far more than the cap and a pipe ends normally; the first bytes are kept."""
    record = _python(f"import sys; sys.{stream}.write('ab' * 1_000_000)", max_output_bytes=1000, kind=kind)
    assert record["ok"]
    assert record["truncated"]
    assert record[stream] == "ab" * 500


@each_runner
def test_output_at_the_cap_is_whole(kind: Any) -> None:
    """Exactly as many bytes as allowed are not marked as cut."""
    record = _python("print('x' * 999)", max_output_bytes=1000, kind=kind)
    assert not record["truncated"]
    assert len(record["stdout"]) == 1000


@each_runner
def test_invalid_bytes_are_replaced(kind: Any) -> None:
    """Output that is no UTF-8 is decoded with replacement characters."""
    assert _python(r"import sys; sys.stdout.buffer.write(b'a\xff\xfeb')", kind=kind)["stdout"] == "a\ufffd\ufffdb"


@each_runner
def test_stdin_is_empty(kind: Any) -> None:
    """A program that reads its input meets the end at once and cannot hang on it."""
    assert _python("import sys; print(repr(sys.stdin.read()))", kind=kind)["stdout"] == "''\n"


_HOLD_PIPES = """
import subprocess, sys, time
sleep = [sys.executable, "-IS", "-c", "import time; time.sleep(600)"]
children = [subprocess.Popen(sleep, start_new_session=own) for own in (False, True)]
with open({file!r}, "w") as file: file.write(" ".join(str(child.pid) for child in children))
print("started", flush=True)
{then}
"""


@pytest.mark.parametrize("then", ["time.sleep(600)", "pass"])
def test_grandchildren_that_hold_the_pipes_delay_nothing_and_die(then: str, tmp_path: Path) -> None:
    """Hung with their parent or orphaned, even in a session of their own: back within 0.5 s, and none survives."""
    limit, file = 2.0, tmp_path / "pid"
    code = _HOLD_PIPES.format(file=str(file), then=then)
    started = time.monotonic()
    record = _python(code, timeout_s=limit)
    # Before the limit they must have begun; what ends by itself needs none of it.
    assert time.monotonic() - started < (0.8 if then == "pass" else limit + 0.5)
    assert all(map(ended, read_pids(file)))
    assert record["stdout"] == "started\n"
    assert record["t_ms"] > 0
    if then == "pass":
        assert record["ok"]
    else:
        assert (record["ok"], record["error"], record["rc"]) == (False, "timeout after 2s", None)
        assert record["t_ms"] >= 2000


@each_runner
def test_a_child_that_ignores_signals_is_killed(kind: Any) -> None:
    """A timeout does not ask: SIGTERM handlers and ignored signals change nothing."""
    code = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(600)"
    started = time.monotonic()
    assert _python(code, timeout_s=0.2, kind=kind)["error"] == "timeout after 0.2s"
    assert time.monotonic() - started < 0.7


def test_cancelling_a_call_kills_its_group(tmp_path: Path) -> None:
    """A cancelled call leaves neither child nor grandchild nor folder, and ends at once."""
    flag = Flag(tmp_path / "pid")
    place = tmp_path / "place"
    place.mkdir()

    async def main() -> tuple[float, list[int]]:
        tools = _local({**ENVIRON, "TMPDIR": str(place)}, timeout_s=60)
        code = _HOLD_PIPES.format(file=str(flag.path), then="time.sleep(600)")
        running = asyncio.create_task(calling(tools, "exec_python", {"code": code}))
        pids = [int(pid) for pid in (await flag.raised()).split()]
        started = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return time.monotonic() - started, pids

    seconds, pids = asyncio.run(main())
    assert seconds < 0.5
    assert all(map(ended, pids))
    assert list(place.iterdir()) == []


def test_a_runs_deadline_kills_tool_processes(tmp_path: Path) -> None:
    """A run ends within 0.5 s of `max_total_seconds`, its tool and its children are gone, all calls answered."""
    flag, clock = Flag(tmp_path / "pid"), HandClock()
    code = _HOLD_PIPES.format(file=str(flag.path), then="time.sleep(600)")
    model = ScriptedModel(asks(("exec_python", {"code": code}, "a"), ("exec_python", {"code": "1"}, "b")))
    config = AgentConfig(model="base", use_tools=True, max_total_seconds=0.3)

    async def main() -> tuple[AgentResult, list[int]]:
        asked = run(config, [{"role": "user", "content": "go"}], model, _local(timeout_s=600), clock=clock)
        running = asyncio.create_task(asked)
        pids = [int(pid) for pid in (await flag.raised()).split()]
        clock.advance(0.3)
        return await asyncio.wait_for(running, 0.5), pids

    result, pids = asyncio.run(main())
    assert result.stopped_reason == "budget"
    assert set(tool_messages(result.messages).values()) == {"error: not executed: time budget exhausted"}
    assert all(map(ended, pids))


def test_calls_run_side_by_side() -> None:
    """Concurrent calls do not share folders, output or time."""

    async def main() -> list[dict[str, Any]]:
        tools = _local()
        return await asyncio.gather(
            *(calling(tools, "exec_python", {"code": f"open('f', 'x'); print({number})"}) for number in range(8))
        )

    assert [record["stdout"] for record in asyncio.run(main())] == [f"{number}\n" for number in range(8)]


_ON_UVLOOP = """
import asyncio, json, os, uvloop
from mini_agent.tools.local.invoker import LocalInvoker
from mini_agent.tools.local.runner import Bare
from mini_agent.tools.local.sandbox.client import Sandbox
async def main(kind):
    runner = kind(environ=os.environ)
    tools = LocalInvoker(runner=runner, timeout_s=0.2)
    for code in ("print(1)", "import time; time.sleep(600)"):
        arguments = json.dumps({"code": code})
        print(await tools.call({"function": {"name": "exec_python", "arguments": arguments}}))
    await runner.aclose()
uvloop.run(main(Bare))
uvloop.run(main(Sandbox))
"""


def test_processes_work_on_uvloop() -> None:
    """The gateway serves on uvloop: output, exit and timeout are the same there."""
    # In a process of its own, because libuv opens a signal pipe that no loop ever closes.
    done = subprocess.run([sys.executable, "-c", _ON_UVLOOP], capture_output=True, text=True, timeout=30, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["stdout"] for record in records] == ["1\n", ""] * 2
    assert [record.get("error") for record in records] == [None, "timeout after 0.2s"] * 2


@each_runner
def test_no_descriptor_is_left_open(kind: Any) -> None:
    """After normal ends, timeouts and failures to start, as many files are open as before."""

    async def main() -> tuple[int, int]:
        tools = _local(kind=kind, timeout_s=0.2, shell_allow=("echo", "no-such"))
        await tools.call(call("exec_shell", {"cmd": "echo"}))
        before = len(os.listdir("/proc/self/fd"))
        await tools.call(call("exec_shell", {"cmd": "echo"}))
        await tools.call(call("exec_shell", {"cmd": "no-such"}))
        await tools.call(call("exec_python", {"code": "import time; time.sleep(600)"}))
        await asyncio.sleep(0)
        after = len(os.listdir("/proc/self/fd"))
        await tools.aclose()
        return before, after

    before, after = asyncio.run(main())
    assert after == before


def test_the_interpreter_is_an_option(tmp_path: Path) -> None:
    """`python` names another interpreter."""
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho other\n")
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    assert _python("ignored", python=str(other))["stdout"] == "other\n"
