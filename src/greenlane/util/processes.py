"""Process groups and what outlives them: nothing may survive a lane."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
GRACE = 5.0
"""Seconds between TERM and KILL."""


def adopt_orphans() -> None:
    """Make orphaned grandchildren ours instead of init's, and end us when our parent dies (Linux only)."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getppid()
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(130)


def descendants(ended: Collection[int] = ()) -> dict[int, str]:
    """Return process id and command of everything below this process (Linux only; empty elsewhere).

    Args:
        ended: process groups that were killed already; their members only have not gone yet.
    """
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] == "Z":
                continue
            pid = int(folder.name)
            parents[pid] = int(fields[1])
            if int(fields[2]) in ended:
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            names[pid] = command[:200]
    own = os.getpid()
    result = {}
    for pid, name in names.items():
        above: int | None = parents[pid]
        while above and above != own:
            above = parents.get(above)
        if above == own:
            result[pid] = name
    return result


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a process and its group; a group that is gone is fine."""
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)


def stop_group(process: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """End a process and its group: TERM, `grace` seconds, then KILL."""
    signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()


def end_survivors(ended: Collection[int] = ()) -> list[str]:
    """Kill everything below this process and return what it was, without what is of groups that were killed already.

    Args:
        ended: those groups.
    """
    found: dict[int, str] = {}
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        alive = descendants()
        if not alive:
            break
        found.update(descendants(ended) if ended else alive)
        for pid in alive:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        time.sleep(0.005)
    _reap()
    return [f"{pid}: {name}" for pid, name in sorted(found.items())]


def _reap() -> None:
    """Collect the exit status of dead children, so that they leave the process table."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, getattr(os, "WNOHANG", 0))[0]:
            pass
