"""One child process in a group of its own, with capped output and a hard limit.

asyncio's own subprocesses are not used: on Python 3.11 their `wait` also waits until every pipe is closed, so that a
grandchild that holds the pipes would decide when a call ends, and each costs a thread.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

#: All that a tool process may know of our environment. `TMPDIR` is always the folder of the call.
CHILD_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL")

#: Seconds to wait, after the group was killed, for the process to be gone and for its pipes to be empty.
_REAP_S = 0.2
_DRAIN_S = 0.1
_CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """How a process ended. rc: exit status, negative for a signal, None when it was killed at its limit."""

    rc: int | None
    stdout: str
    stderr: str
    truncated: bool
    timed_out: bool
    t_ms: float


@dataclass(frozen=True, slots=True)
class Workspace:
    """Folders of one call. work: the working directory, empty at the start. tmp: its TMPDIR. root: holds both."""

    root: Path
    work: Path
    tmp: Path


@asynccontextmanager
async def workspace(parent: str | None) -> AsyncIterator[Workspace]:
    """Make fresh folders, and remove them with all that is in them.

    parent: folder to make them in, None for the system's place.
    """
    root = Path(tempfile.mkdtemp(prefix="mini-agent-tool-", dir=parent))
    try:
        space = Workspace(root, root / "work", root / "tmp")
        space.work.mkdir()
        space.tmp.mkdir()
        yield space
    finally:
        # A tool may leave any number of files behind; deleting them must not hold up other runs.
        await asyncio.shield(asyncio.to_thread(_remove, root))


def _remove(root: Path) -> None:
    def unlock(function: Callable[..., Any], path: str, _: object) -> None:
        with suppress(OSError):
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700, follow_symlinks=os.chmod not in os.supports_follow_symlinks)
            function(path)

    shutil.rmtree(root, onerror=unlock)
    shutil.rmtree(root, ignore_errors=True)


def child_environment(environ: Mapping[str, str], tmp: Path) -> dict[str, str]:
    """Choose what a child sees of `environ`.

    The locale is set even where ours is not: without one, a Python child adds a variable of its own.

    Returns: PATH, HOME, LANG, LC_ALL and TMPDIR at most.
    """
    chosen = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    chosen |= {name: environ[name] for name in CHILD_VARIABLES if name in environ}
    return chosen | {"TMPDIR": str(tmp)}


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    max_bytes: int,
    stdin: IO[bytes] | None = None,
) -> ProcessResult:
    """Run one process to its end or its limit. Its group never outlives the call, also when the call is cancelled.

    argv: passed as it is, no shell. env: the whole environment; its TMPDIR must be unique to the call, because it marks
    processes that left the group. timeout_s: seconds. max_bytes: kept per output stream, the rest is read and dropped.
    stdin: a file, None for the null device.

    Returns: the result. Raises: OSError when the process cannot be started.
    """
    started = time.monotonic()
    child = _Child(argv, cwd=cwd, env=env, max_bytes=max_bytes, stdin=stdin)
    exited = False
    try:
        exited = await child.exited_within(timeout_s)
    finally:
        await child.end(forced=not exited)
    out, err = child.stdout, child.stderr
    return ProcessResult(
        rc=child.returncode if exited else None,
        stdout=bytes(out.data).decode("utf-8", "replace"),
        stderr=bytes(err.data).decode("utf-8", "replace"),
        truncated=out.truncated or err.truncated,
        timed_out=not exited,
        t_ms=round((time.monotonic() - started) * 1000, 3),
    )


class _Child:
    """A running process, its exit and its two streams, all on the running loop."""

    def __init__(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], max_bytes: int, stdin: IO[bytes] | None
    ) -> None:
        self._marker = f"TMPDIR={env['TMPDIR']}".encode()
        self._process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout = Stream(self._process.stdout, max_bytes)
        self.stderr = Stream(self._process.stderr, max_bytes)
        self._exit = asyncio.ensure_future(_exit_of(self._process))

    @property
    def returncode(self) -> int | None:
        """Returns: the exit status once the process was reaped."""
        return self._process.returncode

    async def exited_within(self, seconds: float) -> bool:
        """Returns: False when the process still runs after `seconds`."""
        done, _ = await asyncio.wait({self._exit}, timeout=seconds)
        return bool(done)

    async def end(self, *, forced: bool) -> None:
        """Kill what is left of the group, collect the last output, reap. Bounded by 0.3 s."""
        try:
            # Before reaping: only as long as the leader is not reaped is its group id surely still ours.
            self._kill_group()
            await asyncio.wait({self._exit}, timeout=_REAP_S)
            streams = {self.stdout.closed, self.stderr.closed}
            if not all(stream.done() for stream in streams):
                await asyncio.wait(streams, timeout=_DRAIN_S)
            if forced or not all(stream.done() for stream in streams):
                _kill_marked(self._marker)
        finally:
            self._exit.cancel()
            self.stdout.close()
            self.stderr.close()
            self._process.poll()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Stream:
    """Reads one pipe to its end, keeps the first bytes and drops the rest."""

    def __init__(self, pipe: IO[bytes], max_bytes: int) -> None:
        self.data = bytearray()
        self.truncated = False
        self._pipe = pipe
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return
        room = self._max_bytes - len(self.data)
        self.data += chunk[:room]
        self.truncated = self.truncated or len(chunk) > room

    def close(self) -> None:
        """Stop reading. Idempotent."""
        if not self.closed.done():
            self.closed.set_result(None)
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()


async def _exit_of(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has ended, without reaping it where the system allows."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        while process.poll() is None:
            await asyncio.sleep(0.01)
        return
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, readable)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _kill_marked(marker: bytes) -> None:
    """Kill processes that left the group, by the TMPDIR they inherited. Does nothing where there is no /proc."""
    for _ in range(3):
        found = _marked(marker)
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _marked(marker: bytes) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if marker in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found
