"""The gateway's side of the sandbox: starts the keeper, hands calls to it, and lets go of them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mini_agent
from mini_agent.core.errors import SandboxUnavailable
from mini_agent.tools.execution import PythonJob, ShellJob
from mini_agent.tools.local.process import ProcessResult, Stream
from mini_agent.tools.local.sandbox.advice import advice
from mini_agent.tools.local.sandbox.view import HOME, PRIVATE, SCRIPT, View, view_of

#: Starts the keeper without site-packages and without anything that the environment or the working folder could add.
_START = "import sys; sys.path.insert(0, sys.argv[1]); from mini_agent.tools.local.sandbox.keeper import main; main({})"
_ANSWER_BYTES = 65536
_SEND_S = 2.0
#: Until everything in a sandbox that was let go must be gone, and until the pipes of one that has ended are read.
_END_S = 0.3
_DRAIN_S = 0.2
_TRIAL_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may have, however many processes it starts.

    memory_bytes: of resident memory, for all of its processes. address_bytes: of address space, for each of them;
    libraries with many threads reserve much and use little. processes: at a time.
    files: open ones of a process. file_bytes: of a file. folder_bytes, folder_files: of the private folder, which is
    memory, too. root_bytes: for the text of the program.
    """

    memory_bytes: int = 1_073_741_824
    address_bytes: int = 4_294_967_296
    processes: int = 64
    files: int = 256
    file_bytes: int = 67_108_864
    folder_bytes: int = 134_217_728
    folder_files: int = 10_000
    root_bytes: int = 67_108_864


class Sandbox:
    """Runs programs in sandboxes, each in one of its own. It belongs to one event loop; its owner closes it.

    environ: where `PATH`, `LANG` and `LC_ALL` come from. python: the interpreter that programs get. readable: what they
    see besides. hidden: paths that they must not see. limits: for each call.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        python: str | None = None,
        readable: Sequence[str] = (),
        hidden: Iterable[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self._environ = environ
        self._python = python or sys.executable
        self._readable = tuple(readable)
        self._hidden = tuple(hidden)
        self._limits = limits or Limits()
        self._keeper: _Keeper | None = None
        self._works = False
        self._trial = asyncio.Lock()

    async def require(self) -> None:
        """Try it once, with the interpreter.

        Raises: SandboxUnavailable saying why there is none on this machine, and what to do.
        """
        if self._works:
            return
        async with self._trial:
            if not self._works:
                await self._try()
                self._works = True

    async def run(self, job: PythonJob | ShellJob, *, timeout_s: float, max_bytes: int) -> ProcessResult:
        """Run a job; see `Runner`."""
        await self.require()
        if isinstance(job, ShellJob):
            return await self._run(job.argv, timeout_s, max_bytes, None)
        return await self._run([self._python, SCRIPT], timeout_s, max_bytes, job.program)

    async def aclose(self) -> None:
        """End the keeper, and every call with it. A later call starts another one."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await asyncio.shield(asyncio.to_thread(keeper.close))

    async def _try(self) -> None:
        if sys.platform != "linux":
            raise SandboxUnavailable(_refusal(f"{sys.platform} has no namespaces", ""))
        try:
            argv = [self._python, "-I", "-S", "-c", "print(1)"]
            result = await self._run(argv, _TRIAL_S, 4096, None)
        except OSError as error:
            raise SandboxUnavailable(_refusal(f"{self._python}: {error.strerror or error}", "")) from error
        if result.rc != 0 or result.stdout != "1\n":
            said = (result.stderr or result.stdout).strip()[-200:]
            raise SandboxUnavailable(_refusal(f"{self._python} does not start in it: {said or result.rc}", ""))

    async def _run(self, argv: Sequence[str], timeout_s: float, max_bytes: int, script: bytes | None) -> ProcessResult:
        started = time.monotonic()
        keeper = self._keeper_process()
        job = self._job(keeper.view, argv, timeout_s)
        call = _Call(keeper, json.dumps(job).encode("utf-8", "surrogatepass"), script, max_bytes)
        try:
            answer = await call.answered_within(timeout_s)
        finally:
            await call.end()
        if answer is not None and "error" in answer:
            if answer.get("ours"):
                raise SandboxUnavailable(_refusal(answer["error"], advice()))
            raise OSError(answer["errno"], answer["error"])
        out, err = call.stdout, call.stderr
        note = f"{answer['note']}\n" if answer and "note" in answer else ""
        return ProcessResult(
            rc=None if answer is None else answer.get("rc"),
            stdout=bytes(out.data).decode("utf-8", "replace"),
            stderr=bytes(err.data).decode("utf-8", "replace") + note,
            truncated=out.truncated or err.truncated,
            timed_out=answer is None,
            t_ms=round((time.monotonic() - started) * 1000, 3),
        )

    def _job(self, view: View, argv: Sequence[str], timeout_s: float) -> dict[str, Any]:
        limits = dataclasses.asdict(self._limits) | {"cpu_s": math.ceil(timeout_s) + 1}
        env = {name: self._environ.get(name, "C.UTF-8") for name in ("LANG", "LC_ALL")}
        env |= {"PATH": view.path, "HOME": HOME, "TMPDIR": PRIVATE}
        return {"argv": list(argv), "env": env, "limits": limits}

    def _keeper_process(self) -> _Keeper:
        if self._keeper is None or not self._keeper.alive:
            if self._keeper is not None:
                self._keeper.close()
            prefixes = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
            path = self._environ.get("PATH", os.defpath)
            view = view_of(self._python, prefixes, readable=self._readable, hidden=self._hidden, path=path)
            self._keeper = _Keeper(view)
        return self._keeper


def _refusal(why: str, what_to_do: str) -> str:
    advised = f"{what_to_do}, " if what_to_do else ""
    return (
        f"tool_backend=local is refused: no sandbox can be made here ({why}); {advised}use tool_backend=docker, or set "
        "MINI_AGENT_LOCAL_TOOLS=unsandboxed to run code of models with the gateway's own rights"
    )


class _Keeper:
    """The running keeper."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            root = str(Path(mini_agent.__file__).parent.parent)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", _START.format(theirs.fileno()), root],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.socket.settimeout(_SEND_S)
        self.socket.send(json.dumps(dataclasses.asdict(view)).encode())

    @property
    def alive(self) -> bool:
        """Returns: whether it can take calls."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it and wait until it is gone. Blocks for milliseconds."""
        self.socket.close()
        try:
            self._process.wait(_SEND_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Call:
    """One call: its answer and its two streams, on the running loop."""

    def __init__(self, keeper: _Keeper, job: bytes, script: bytes | None, max_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        with contextlib.ExitStack() as stack:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            out, theirs_out = os.pipe()
            err, theirs_err = os.pipe()
            self.stdout, self.stderr = (Stream(os.fdopen(pipe, "rb", 0), max_bytes) for pipe in (out, err))
            sent = [theirs.detach(), theirs_out, theirs_err, _memory(job)]
            if script is not None:
                sent.append(_memory(script))
            for number in sent:
                stack.callback(os.close, number)
            self._socket.setblocking(False)
            self._loop.add_reader(self._socket.fileno(), self._read)
            try:
                socket.send_fds(keeper.socket, [b"+"], sent)
            except OSError as error:
                self._close()
                raise SandboxUnavailable(_refusal(f"its keeper: {error.strerror or error}", "")) from error

    async def answered_within(self, seconds: float) -> dict[str, Any] | None:
        """Returns: how it ended, None when it still runs after `seconds`."""
        await asyncio.wait({self._answer}, timeout=seconds)
        return self._answer.result() if self._answer.done() else None

    async def end(self) -> None:
        """Let the call go: its warden kills what is left of it. Bounded by 0.5 s."""
        try:
            if not self._answer.done():
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_WR)
                await asyncio.wait({self._answer}, timeout=_END_S)
            streams = {self.stdout.closed, self.stderr.closed}
            if not all(stream.done() for stream in streams):
                await asyncio.wait(streams, timeout=_DRAIN_S)
        finally:
            self._close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_ANSWER_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._loop.remove_reader(self._socket.fileno())
        if not self._answer.done():
            gone = {"error": "the process that made it is gone", "errno": 0, "ours": True}
            self._answer.set_result(json.loads(data) if data else gone)

    def _close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self.stdout.close()
        self.stderr.close()
        self._answer.cancel()


def _memory(data: bytes) -> int:
    """Returns: a descriptor of a file in memory."""
    descriptor = os.memfd_create("mini-agent")
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    return descriptor
