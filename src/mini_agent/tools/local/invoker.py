"""Tools in processes of this machine (GATEWAY 6.1)."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

from mini_agent.agent.tool_values import INVALID_ARGUMENTS, function_spec, parse_arguments
from mini_agent.core.errors import SandboxUnavailable
from mini_agent.core.ports import SYSTEM_CLOCK
from mini_agent.tools.execution import Refusal, exec_specs, is_exec_tool, read_job, report
from mini_agent.tools.local.runner import Runner
from mini_agent.tools.protocol import dump, failed, ms_since, read_call, succeeded
from mini_agent.tools.slots import NoSlot, ToolSlots


class LocalInvoker:
    """Runs Python and allowed commands on this machine, and two tools that need no process.

    runner: starts programs; None neither lists nor runs the `exec_*` tools. It and slots belong to the caller.
    timeout_s: seconds per call, from when it has a slot. max_output_bytes: kept per output stream. shell_allow: exact
    argv[0] values. slots: the bound on processes, by default one of this invoker's own.
    """

    def __init__(
        self,
        *,
        runner: Runner | None,
        timeout_s: float = 10,
        max_output_bytes: int = 65536,
        shell_allow: Collection[str] = ("echo",),
        slots: ToolSlots | None = None,
    ) -> None:
        self._runner = runner
        self._slots = slots or ToolSlots()
        self._timeout_s = timeout_s
        self._max_output_bytes = max_output_bytes
        self._shell_allow = frozenset(shell_allow)

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: the specs of the tools that may run. Raises: SandboxUnavailable when none may."""
        if self._runner is not None:
            await self._runner.require()
        text = {"type": "string"}
        plain = [
            function_spec("research_echo", "Look something up.", {"query": text}, ["query"]),
            function_spec("compress_runs", "Run-length encode a string.", {"s": text}, ["s"]),
        ]
        return ([] if self._runner is None else exec_specs()) + plain

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run one call.

        Returns: its record as JSON text; failures of every kind are records with `ok` false.
        """
        name, raw = read_call(tool_call)
        arguments = parse_arguments(raw)
        if self._runner is not None and is_exec_tool(name, arguments):
            return dump(await self._execute(self._runner, name, arguments))
        started = SYSTEM_CLOCK.monotonic()
        record = _plain_tool(name, arguments)
        return dump(record | {"t_ms": ms_since(SYSTEM_CLOCK, started)})

    async def aclose(self) -> None:
        """Nothing stays open between calls."""

    async def _execute(self, runner: Runner, name: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
        started = SYSTEM_CLOCK.monotonic()
        job = read_job(name, arguments, self._shell_allow)
        if isinstance(job, Refusal):
            return failed(name, job.error, t_ms=ms_since(SYSTEM_CLOCK, started))
        try:
            async with self._slots.slot():
                result = await runner.run(job, timeout_s=self._timeout_s, max_bytes=self._max_output_bytes)
        except (NoSlot, SandboxUnavailable) as refusal:
            return failed(name, str(refusal), t_ms=ms_since(SYSTEM_CLOCK, started))
        except OSError as error:
            return failed(name, f"cannot start: {error.strerror or error}", t_ms=ms_since(SYSTEM_CLOCK, started))
        return report(name, result, self._timeout_s)


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
