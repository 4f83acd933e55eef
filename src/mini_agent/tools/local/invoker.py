"""Tools in processes of this machine (GATEWAY.md 6.1)."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mini_agent.agent.tool_values import INVALID_ARGUMENTS, function_spec, parse_arguments
from mini_agent.tools.execution import PythonJob, Refusal, exec_specs, is_exec_tool, read_job, report
from mini_agent.tools.local.process import Workspace, child_environment, run_process, workspace
from mini_agent.tools.protocol import dump, failed, read_call, succeeded

__all__ = ["LocalInvoker"]


class LocalInvoker:
    """Runs Python and allowed commands on this machine, and two tools that need no process.

    environ: where a child's `PATH`, `HOME`, `LANG` and `LC_ALL` come from, and our `TMPDIR`. timeout_s: seconds per
    call. max_output_bytes: kept per output stream. shell_allow: exact argv[0] values. exec_tools: False neither lists
    nor runs the `exec_*` tools. python: interpreter of `exec_python`, None for the current one.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        timeout_s: float = 10,
        max_output_bytes: int = 65536,
        shell_allow: Collection[str] = ("echo",),
        exec_tools: bool = True,
        python: str | None = None,
    ) -> None:
        self._environ = dict(environ)
        self._timeout_s = timeout_s
        self._max_output_bytes = max_output_bytes
        self._shell_allow = frozenset(shell_allow)
        self._exec_tools = exec_tools
        self._python = python or sys.executable

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: the specs of the tools that may run."""
        text = {"type": "string"}
        plain = [
            function_spec("research_echo", "Look something up.", {"query": text}, ["query"]),
            function_spec("compress_runs", "Run-length encode a string.", {"s": text}, ["s"]),
        ]
        return (exec_specs() if self._exec_tools else []) + plain

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run one call.

        Returns: its record as JSON text; failures of every kind are records with `ok` false.
        """
        name, raw = read_call(tool_call)
        arguments = parse_arguments(raw)
        if self._exec_tools and is_exec_tool(name, arguments):
            return dump(await self._execute(name, arguments))
        started = time.monotonic()
        record = _plain_tool(name, arguments)
        return dump(record | {"t_ms": round((time.monotonic() - started) * 1000, 3)})

    async def aclose(self) -> None:
        """Nothing stays open between calls."""

    async def _execute(self, name: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
        started = time.monotonic()
        job = read_job(name, arguments, self._shell_allow)
        if isinstance(job, Refusal):
            return failed(name, job.error, t_ms=_ms_since(started))
        try:
            async with workspace(self._environ.get("TMPDIR")) as space:
                argv = self._python_argv(job, space) if isinstance(job, PythonJob) else list(job.argv)
                result = await run_process(
                    argv,
                    cwd=space.work,
                    env=child_environment(self._environ, space.tmp),
                    timeout_s=self._timeout_s,
                    max_bytes=self._max_output_bytes,
                )
        except OSError as error:
            return failed(name, f"cannot start: {error.strerror or error}", t_ms=_ms_since(started))
        return report(name, result, self._timeout_s)

    def _python_argv(self, job: PythonJob, space: Workspace) -> list[str]:
        script: Path = space.root / "tool.py"
        script.write_bytes(job.code.encode("utf-8", "surrogatepass"))
        return [self._python, str(script)]


def _plain_tool(name: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
    tool = name.lower()
    if tool not in ("research_echo", "compress_runs"):
        return failed(name, f"unknown tool '{name}'")
    if arguments is None:
        return failed(name, INVALID_ARGUMENTS)
    if tool == "research_echo":
        query = arguments.get("query")
        return succeeded(name, answer=f"echo: {'' if query is None else query}", citations=[])
    text = arguments.get("s")
    if not isinstance(text, str) or not text:
        return failed(name, "missing string 's'")
    return succeeded(name, result="".join(f"{char}{len(list(run))}" for char, run in itertools.groupby(text)))


def _ms_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 3)
