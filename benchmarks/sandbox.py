"""What the sandbox adds to a call of the local backend, beside a bare subprocess.

Pairs: the same program, once in the sandbox, once as a process with the gateway's rights, in turns. The keeper runs
already, as it does from a gateway's second call on; what the first call costs is printed besides. Target: the median of
the differences is at most 15 ms.

Run: python benchmarks/sandbox.py [--pairs 200]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import time

from mini_agent.tools.execution import PythonJob, ShellJob
from mini_agent.tools.local.runner import Bare, Runner
from mini_agent.tools.local.sandbox.client import Sandbox

TARGET_MS = 15.0
JOBS: dict[str, PythonJob | ShellJob] = {"exec_python": PythonJob("print(1)"), "exec_shell": ShellJob(("echo", "1"))}


async def timed(runner: Runner, job: PythonJob | ShellJob) -> float:
    """Returns: milliseconds of one call."""
    started = time.perf_counter()
    result = await runner.run(job, timeout_s=30, max_bytes=65536)
    elapsed = (time.perf_counter() - started) * 1000
    if result.stdout != "1\n":
        raise SystemExit(f"a call failed: {result}")
    return elapsed


async def main(pairs: int) -> None:
    """Measure and print."""
    bare, sandbox = Bare(environ=os.environ), Sandbox(environ=os.environ)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {pairs} pairs")
    try:
        print(f"first call of a gateway: {await timed(sandbox, JOBS['exec_python']):.1f} ms")
        for name, job in JOBS.items():
            times = [(await timed(bare, job), await timed(sandbox, job)) for _ in range(pairs)]
            alone, inside = (statistics.median(column) for column in zip(*times, strict=True))
            added = statistics.median(second - first for first, second in times)
            verdict = "within" if added <= TARGET_MS else "ABOVE"
            print(
                f"{name}: bare {alone:.1f} ms, sandbox {inside:.1f} ms, added {added:.1f} ms: {verdict} {TARGET_MS:g}"
            )
    finally:
        await sandbox.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=200)
    asyncio.run(main(parser.parse_args().pairs))
