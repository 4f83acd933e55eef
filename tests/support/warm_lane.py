"""Forks supervisors, and the pytest of their lanes, from a process of a lane's interpreter that has imported both.

What each of them sees is what it would see otherwise: its words, its folder, its environment, its streams, its
namespace, a process group of its own, the end that an interpreter comes to. Only the imports are there already.
It is run by its path in the lane's environment, which has no `support`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

PYTEST = ["-P", "-s", "-m", "pytest"]
"""Words after the interpreter of what the supervisor starts."""

IMPORTED = (
    "greenlane.pytest_plugin", "greenlane.plugin.install", "greenlane.plugin.leaks.guard",
    "greenlane.plugin.network.hermetic", "greenlane.supervisor.supervisor", "greenlane.plugin.preload.wire",
    "pytest_timeout", "xdist.plugin", "xdist.looponfail", "xdist.newhooks",
    # What pytest imports on its way.
    "email.parser", "encodings.idna", "faulthandler", "pdb", "tomllib",
)  # fmt: skip
EARLY = ("LANG", "LC_ALL", "TZ", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""What an interpreter reads as it starts, beside what begins with PYTHON."""


class ForkedPytest(subprocess.Popen[bytes]):
    """A process of a supervisor: a fork where it would be this interpreter's pytest, and as ever where it is not."""

    def _execute_child(self, *words: Any) -> None:
        (args, _, _, _, pass_fds, cwd, env, _, _, _, stdin, ours_in, ours_out, stdout, error_in, error) = words[:16]
        if not _fits(args, env):
            super()._execute_child(*words)  # type: ignore[misc]
            return
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            be_pytest((stdin, stdout, error), list(args), env, cwd, pass_fds)
        self._child_created = True
        self._close_pipe_fds(stdin, ours_in, ours_out, stdout, error_in, error)  # type: ignore[attr-defined]


def _fits(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a process would begin as this one did. Threads of a supervisor hold nothing that a pytest needs."""
    return [*command[:5]] == [sys.executable, *PYTEST] and early(environment) == BORN


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that an interpreter reads as it starts."""
    return {name: text for name, text in environment.items() if name in EARLY or name.startswith("PYTHON")}


BORN = early(os.environ)


def be_pytest(
    streams: Sequence[int], command: list[str], environment: Mapping[str, str], cwd: str, kept: Sequence[int]
) -> NoReturn:
    """Be the pytest of a lane, in a fork of its supervisor."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    become(streams, environment, cwd, kept)
    sys.argv, sys.orig_argv = ["-m", *command[5:]], command
    run("pytest")


def become(streams: Sequence[int], environment: Mapping[str, str], cwd: str, kept: Sequence[int] = ()) -> None:
    """Be a process with streams, an environment and a folder of its own, and nothing else open."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    beginning = 3
    for descriptor in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(beginning, descriptor)
        beginning = descriptor + 1
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115  lives as long as the process
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None


def run(module: str) -> NoReturn:
    """Run a module as `python -m` does, to the end of its interpreter."""
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  as an interpreter does
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def supervise(order: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    """Be a supervisor, whose lane is a fork of it."""
    become(streams, order["environment"], order["cwd"])
    sys.argv = ["-m"]
    started = type(sys)("subprocess")
    vars(started).update(vars(subprocess), Popen=ForkedPytest)
    vars(sys.modules["greenlane.supervisor.supervisor"])["subprocess"] = started
    run("greenlane.supervisor")


def follow(pid: int, told: int) -> None:
    """Wait for the end of a supervisor and tell it; who started it may die before, which ends it as ever."""
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(told, 0)
    if all(descriptor != handle for descriptor, _ in poll.poll()):
        os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    os.close(handle)
    with suppress(BrokenPipeError):
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os.close(told)


def serve(end: socket.socket) -> None:
    """Fork a supervisor for each order, one at a time, until nobody orders any more."""
    # Nothing of ours may be imported before assertions are rewritten.
    preloading = runpy.run_path(f"{sysconfig.get_path('purelib')}/greenlane/plugin/preload/server.py")
    with preloading["rewriting"]():
        for name in IMPORTED:
            importlib.import_module(name)
    from greenlane.plugin.preload.wire import receive

    gc.freeze()
    while True:
        order, descriptors = receive(end)
        if order is None:
            return
        *streams, told = descriptors
        pid = os.fork()
        if not pid:
            supervise(order, streams)
        for descriptor in streams:
            os.close(descriptor)
        with suppress(BrokenPipeError):
            os.write(told, f"{pid}\n".encode())
        follow(pid, told)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
