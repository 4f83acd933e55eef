"""Child processes that go on running."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress

from greenlane.plugin.leaks.change import ABSENT, Change, Clue
from greenlane.plugin.leaks.context import Context, is_of_another
from greenlane.plugin.network.audit import Site

GRACE = 0.1
"""Seconds that a process is given to come to its end, or to have its name."""

HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
"""Processes that Python starts once and keeps."""


class Children:
    """Watches the children of this process."""

    def __init__(self, context: Context) -> None:
        self._sites = context.sites
        self._busy = context.busy
        self._where: list[tuple[str, Site, threading.Thread]] = []
        self._known = frozenset(_children())
        for event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty"):
            context.events.on(event, self._heard)

    def _heard(self, *words: object) -> None:
        if self._busy():
            text = " ".join(map(str, words[1])) if len(words) > 1 and isinstance(words[1], list | tuple) else ""
            self._where.append((text, self._sites.site(depth=3), threading.current_thread()))

    def poll(self) -> Sequence[Change]:
        """Return the processes that were not there before."""
        if not self._known and not _has_children():
            self._where.clear()
            return ()
        now = frozenset(_children())
        new, self._known = now - self._known, now
        where, self._where = self._where, []
        found = [(pid, _command(pid)) for pid in sorted(new)]
        return [
            _change(pid, command, where)
            for pid, command in found
            if _alive(pid) and not any(helper in command for helper in HELPERS) and not _of_a_thread(command, where)
        ]


def _has_children() -> bool:
    """Whether there is any child, alive or not yet waited for; one system call that takes nothing away."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):
        return False
    return True


def _children() -> list[int]:
    """Return the ids of all children, of every thread."""
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with suppress(OSError), open(f"/proc/self/task/{thread}/children", "rb") as file:
                found.extend(map(int, file.read().split()))
    return found


def _command(pid: int) -> str:
    """Return the command line of a process; empty when it is gone.

    One that has just begun has none for a moment: `exec` lets go of whoever waits for it before it writes that down.
    """
    looks = 100
    for _ in range(looks):
        if (command := _command_line(pid)) or not _alive(pid):
            return command
        select.select((), (), (), GRACE / looks)  # a clock may be frozen by the test
    return ""


def _command_line(pid: int) -> str:
    """Return what the kernel has as the command line of a process."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    return ""


def _alive(pid: int) -> bool:
    """Whether a process runs and is not only waiting to be waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _starts(command: str, where: list[tuple[str, Site, threading.Thread]]) -> list[tuple[Site, threading.Thread]]:
    """Return who may have started a process: those that gave this command, else all."""
    return [entry[1:] for entry in where if entry[0] == command] or [entry[1:] for entry in where]


def _of_a_thread(command: str, where: list[tuple[str, Site, threading.Thread]]) -> bool:
    """Whether another thread that still runs started it: a server's, which answers for it."""
    starts = _starts(command, where)
    return bool(starts) and is_of_another(starts[-1][1])


def _change(pid: int, command: str, where: list[tuple[str, Site, threading.Thread]]) -> Change:
    sites = [site for site, _ in _starts(command, where)]

    def still() -> bool:
        with suppress(OSError):
            handle = os.pidfd_open(pid)
            try:
                select.select([handle], [], [], GRACE)
            finally:
                os.close(handle)
        return _alive(pid)

    def kill() -> None:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    return Change(
        f"{command[:80] or 'process'} (pid {pid})",
        ABSENT,
        pid,
        kill,
        site=sites[-1] if sites else None,
        clue=Clue(calls=("Popen", "Process", "start", "fork", "create_subprocess_exec", "create_subprocess_shell")),
        still=still,
        started=True,
        thing=command[:80] or "process",
    )
