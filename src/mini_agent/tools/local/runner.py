"""What the local backend runs code with: in a sandbox, or, on the operator's explicit word, as it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Protocol

from mini_agent.tools.execution import PythonJob, ShellJob
from mini_agent.tools.local.process import ProcessResult, child_environment, run_process, workspace


class Runner(Protocol):
    """Runs the programs of a backend. Its owner closes it."""

    async def require(self) -> None:
        """Raises: SandboxUnavailable when nothing can be run here."""

    async def run(self, job: PythonJob | ShellJob, *, timeout_s: float, max_bytes: int) -> ProcessResult:
        """Run a job to its end or its limit. Nothing of it outlives the call, also when that is cancelled.

        timeout_s: seconds. max_bytes: kept per output stream, the rest is read and dropped.
        Returns: the result. Raises: OSError when it cannot be started; SandboxUnavailable.
        """

    async def aclose(self) -> None:
        """Let go of what is kept between calls. Idempotent."""


class Bare:
    """Runs programs with the rights of this process, each in a process group and a folder of its own.

    environ: where a child's `PATH`, `HOME`, `LANG` and `LC_ALL` come from, and our `TMPDIR`. python: interpreter, None
    for the current one.
    """

    def __init__(self, *, environ: Mapping[str, str], python: str | None = None) -> None:
        self._environ = dict(environ)
        self._python = python or sys.executable

    async def require(self) -> None:
        """Everything can be run here."""

    async def run(self, job: PythonJob | ShellJob, *, timeout_s: float, max_bytes: int) -> ProcessResult:
        """Run a job; see `Runner`."""
        async with workspace(self._environ.get("TMPDIR")) as space:
            argv = list(job.argv) if isinstance(job, ShellJob) else [self._python, str(space.root / "tool.py")]
            if isinstance(job, PythonJob):
                (space.root / "tool.py").write_bytes(job.program)
            return await run_process(
                argv,
                cwd=space.work,
                env=child_environment(self._environ, space.tmp),
                timeout_s=timeout_s,
                max_bytes=max_bytes,
            )

    async def aclose(self) -> None:
        """Nothing stays open between calls."""
