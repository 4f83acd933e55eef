"""The execution tools inside a running container, through `docker exec` (GATEWAY 6.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import IO, Any

from mini_agent.agent.tool_values import parse_arguments
from mini_agent.core.ports import SYSTEM_CLOCK, Clock, new_id
from mini_agent.tools.execution import PythonJob, Refusal, ShellJob, exec_specs, is_exec_tool, read_job, report
from mini_agent.tools.local.process import ProcessResult, Workspace, child_environment, run_process, workspace
from mini_agent.tools.protocol import dump, failed, ms_since, read_call
from mini_agent.tools.slots import NoSlot, ToolSlots

#: Marks every process of one call inside the container, so that it can be found and killed there.
_MARK = "MINI_AGENT_CALL"

#: Runs in the container: kills whatever carries the mark of a call. `docker exec` itself leaves it running.
_KILLER = """
import os, signal, sys
mark = sys.argv[1].encode()
for _ in range(3):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if int(pid) != os.getpid() and mark in environ.read().split(b"\\0"):
                    os.kill(int(pid), signal.SIGKILL)
        except OSError:
            continue
"""

#: Seconds a call waits for the kill inside the container, and seconds the kill may take in all.
_KILL_WAIT_S = 0.3
_KILL_LIMIT_S = 5.0

#: Further variables that tell the docker client where its engine is. They stay outside the container.
_CLIENT_VARIABLES = ("DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS_VERIFY")


class DockerInvoker:
    """Runs Python and allowed commands in a container.

    container: name or id, not empty. environ: environment of the docker client. docker_bin, python: the client, and
    the interpreter inside. Further options as for the local backend.

    Raises: ValueError for a container that cannot be a name.
    """

    def __init__(
        self,
        *,
        container: str,
        environ: Mapping[str, str],
        docker_bin: str = "docker",
        python: str = "python",
        timeout_s: float = 10,
        max_output_bytes: int = 65536,
        shell_allow: Collection[str] = ("echo",),
        slots: ToolSlots | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not container.strip():
            raise ValueError("docker container name must not be empty")
        if container.startswith("-"):
            raise ValueError("docker container name must not start with '-'")
        self._container = container.strip()
        self._environ = dict(environ)
        self._docker = docker_bin
        self._python = python
        self._timeout_s = timeout_s
        self._max_output_bytes = max_output_bytes
        self._shell_allow = frozenset(shell_allow)
        self._slots = slots or ToolSlots()
        self._clock = clock
        self._kills: set[asyncio.Task[None]] = set()

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: the specs of the execution tools."""
        return exec_specs()

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run one call.

        Returns: its record as JSON text, with `docker` true and the container.
        """
        name, raw = read_call(tool_call)
        record = await self._execute(name, parse_arguments(raw))
        return dump(record | {"docker": True, "container": self._container})

    async def aclose(self) -> None:
        """Wait, at most 5 s, until what was killed in the container is gone."""
        if self._kills:
            await asyncio.wait(self._kills)

    async def _execute(self, name: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
        if not is_exec_tool(name, arguments):
            return failed(name, f"unknown tool '{name}'")
        job = read_job(name, arguments, self._shell_allow, " (docker)")
        if isinstance(job, Refusal):
            return failed(name, job.error)
        started = self._clock.monotonic()
        try:
            async with self._slots.slot(), workspace(self._environ.get("TMPDIR")) as space:
                result = await self._run(job, space)
        except NoSlot as refusal:
            return failed(name, str(refusal), t_ms=ms_since(self._clock, started))
        except OSError as error:
            text = f"cannot start '{self._docker}': {error.strerror or error}"
            return failed(name, text, t_ms=ms_since(self._clock, started))
        return report(name, result, self._timeout_s)

    async def _run(self, job: PythonJob | ShellJob, space: Workspace) -> ProcessResult:
        mark = f"{_MARK}={new_id()}"
        options = ["--env", mark]
        if isinstance(job, ShellJob):
            argv = [self._docker, "exec", *options, self._container, *job.argv]
            return await self._marked(argv, space, mark, None)
        # The program goes in on stdin: an argument may not be longer than 128 KiB.
        script = space.root / "tool.py"
        script.write_bytes(job.program)
        with script.open("rb") as stdin:
            argv = [self._docker, "exec", "--interactive", *options, self._container, self._python, "-"]
            return await self._marked(argv, space, mark, stdin)

    async def _marked(self, argv: list[str], space: Workspace, mark: str, stdin: IO[bytes] | None) -> ProcessResult:
        finished = False
        try:
            result = await run_process(
                argv,
                cwd=space.work,
                env=self._client_environment(space),
                timeout_s=self._timeout_s,
                max_bytes=self._max_output_bytes,
                stdin=stdin,
            )
            finished = not result.timed_out
            return result
        except OSError:
            finished = True
            raise
        finally:
            if not finished:
                await self._kill_inside(mark)

    def _client_environment(self, space: Workspace) -> dict[str, str]:
        client = {name: self._environ[name] for name in _CLIENT_VARIABLES if name in self._environ}
        return client | child_environment(self._environ, space.tmp)

    async def _kill_inside(self, mark: str) -> None:
        task = asyncio.create_task(self._kill(mark))
        self._kills.add(task)
        task.add_done_callback(self._kills.discard)
        # A slow engine must not delay the answer; `aclose` waits for the rest.
        await asyncio.wait({task}, timeout=_KILL_WAIT_S)

    async def _kill(self, mark: str) -> None:
        async with workspace(self._environ.get("TMPDIR")) as space:
            await run_process(
                [self._docker, "exec", self._container, self._python, "-c", _KILLER, mark],
                cwd=space.work,
                env=self._client_environment(space),
                timeout_s=_KILL_LIMIT_S,
                max_bytes=0,
            )
