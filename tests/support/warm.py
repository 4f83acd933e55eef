"""Starts `greenlane` commands from a process that has imported it: a fork, where each would import for itself.

What a command sees is what it would see otherwise: its words, its folder, its environment, its three streams, a
process of its own. Only the imports are there already. So it is with the supervisors that commands start, and with the
pytest of a lane whose environment is the shared one: `warm_lane` forks these.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from greenlane.environment.installers import python_of
from greenlane.plugin.preload.wire import receive, send
from greenlane.util import launch

TESTS = Path(__file__).parents[1]
IMPORTED = (
    "greenlane.cli", "greenlane.cli.lane", "greenlane.cli.ready", "greenlane.cli.verdict", "greenlane.cli.doctor",
    "greenlane.cli.flakes", "greenlane.cli.history", "greenlane.cli.ledger", "greenlane.cli.survey",
    "greenlane.ext.llm.examiners", "greenlane.ext.llm.guard", "greenlane.history.queue",
    "greenlane.history.recording", "greenlane.history.store", "alembic.command", "alembic.config",
    "sqlalchemy.dialects.sqlite", "xml.etree.ElementTree", "http.client", "importlib.metadata",
)  # fmt: skip

WARM = {"core": "0", "nd": "random"}
"""Names of lanes whose tests begin warm, and the seed of hashes that lanes of their kind have."""

SUPERVISOR = ("-P", "-s", "-m", "greenlane.supervisor")
"""Words after our interpreter of what a command starts for a lane."""


class Orders:
    """A process that forks for each order.

    Args:
        command: argument vector, without the numbers of the descriptors that orders come by, and of others.
        environment: all that it sees; others: sockets that it needs.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], others: Sequence[socket.socket] = ()
    ) -> None:
        self.end, theirs = socket.socketpair()
        given = [each.fileno() for each in (theirs, *others)]
        self._process = subprocess.Popen(
            (*command, *map(str, given)), env=environment, stdin=subprocess.DEVNULL, pass_fds=given,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def close(self) -> None:
        """Order no more, and wait for its end."""
        self.end.close()
        self._process.wait()


class WarmCommands:
    """Processes that have everything imported, and fork for each command; a context manager.

    Args:
        environments: folder of lane environments that stay as they are; in those that `WARM` names, tests begin warm.

    Attributes:
        address: name of the abstract socket at which programs order what `run` does: a message as `preload.wire` sends
            them, with both streams; the exit code is the answer.
    """

    def __init__(self, environments: Path) -> None:
        pythons = {str(python_of(environments / name)): seed for name, seed in WARM.items()}
        self._lanes = {python: _warm_lane(python, seed) for python, seed in pythons.items()}
        self.address = f"greenlane-warm-{os.getpid()}-{secrets.token_hex(4)}"
        own = {"PATH": os.defpath, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"\0{self.address}")
            listener.listen()
            others = [listener, *(lane.end for lane in self._lanes.values())]
            self._commands = Orders([sys.executable, "-P", "-m", "support.warm", *self._lanes], own, others)

    def __enter__(self) -> WarmCommands:
        return self

    def __exit__(self, *_: object) -> None:
        for orders in (self._commands, *self._lanes.values()):
            orders.close()

    def run(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str], output: IO[bytes]) -> int:
        """Run `greenlane WORDS…` and return its exit code, negative for a signal.

        Args:
            environment: all that it sees; output: takes both of its streams.
        """
        order = {"words": list(words), "cwd": str(cwd), "environment": dict(environment)}
        # A pipe for each: the answer that a test did not wait for is not the next one's.
        answer, tell = os.pipe()
        with os.fdopen(answer, "rb") as told:
            send(self._commands.end, order, [output.fileno(), output.fileno(), tell])
            os.close(tell)
            return int(told.readline())


def _warm_lane(python: str, seed: str) -> Orders:
    """Start the process that forks supervisors; it begins as the pytest of a lane does, with a seed of hashes."""
    begun = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.defpath}
    own = {"PYTHONHASHSEED": seed, "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1"}
    return Orders([python, "-P", "-s", str(Path(__file__).with_name("warm_lane.py"))], begun | own)


class ForkedSupervisor:
    """A supervisor that `warm_lane` forks, as `run_child` wants a child to be: it begins when it has its plan.

    Args:
        lanes: where orders go to, by the interpreter of a lane.
        env: all that it sees; stdout: None, or `subprocess.PIPE`.
    """

    def __init__(self, lanes: Mapping[str, socket.socket], env: Mapping[str, str], stdout: int | None) -> None:
        self._lanes = lanes
        self._process: subprocess.Popen[bytes] | None = None
        self._order: dict[str, Any] = {"environment": dict(env), "cwd": os.getcwd()}
        self.stdout: IO[bytes] | None = None
        self._printing = 0
        if stdout is not None:
            read, self._printing = os.pipe()
            self.stdout = os.fdopen(read, "rb")
        self.stdin = self
        self._plan = b""
        self.pid = 0

    def write(self, plan: bytes) -> None:
        """Tell it its plan."""
        self._plan += plan

    def close(self) -> None:
        """Order it: where its lane begins warm, or at least where supervisors do."""
        plan = json.loads(self._plan)
        outputs = (self._printing, self._printing) if self._printing else (1, 2)
        with tempfile.TemporaryFile() as told:
            told.write(self._plan)
            told.seek(0)
            # A queue needs what no lane has: the libraries of a database.
            (self._start if plan.get("pull") else self._fork)(plan["command"][0], (told.fileno(), *outputs))
        if self._printing:
            os.close(self._printing)

    def _start(self, _: str, streams: Sequence[int]) -> None:
        """Start it as ever."""
        stdin, stdout, stderr = streams
        self._process = subprocess.Popen(
            (sys.executable, *SUPERVISOR), env=self._order["environment"], stdin=stdin, stdout=stdout, stderr=stderr,
            start_new_session=True,
        )  # fmt: skip
        self.pid = self._process.pid

    def _fork(self, program: str, streams: Sequence[int]) -> None:
        """Have it forked."""
        end = self._lanes.get(program) or next(iter(self._lanes.values()))
        told, tell = os.pipe()
        send(end, self._order, (*streams, tell))
        os.close(tell)
        self._told = os.fdopen(told)
        self.pid = int(self._told.readline())

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status.

        Raises:
            subprocess.TimeoutExpired: it has not ended.
        """
        if self._process:
            return self._process.wait(timeout)
        if not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("greenlane.supervisor", timeout or 0.0)
        return int(self._told.readline())

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


def begin_warm(lanes: Mapping[str, socket.socket]) -> None:
    """Let a command have its supervisors forked.

    Args:
        lanes: where orders go to, by the interpreter of a lane.
    """

    def start(command: Sequence[str], **how: Any) -> Any:
        if tuple(command) == (sys.executable, *SUPERVISOR):
            return ForkedSupervisor(lanes, how["env"], how["stdout"])
        return subprocess.Popen(command, **how)

    started = type(sys)("subprocess")
    vars(started).update(vars(subprocess), Popen=start)
    vars(launch)["subprocess"] = started


def serve(end: socket.socket, listener: socket.socket, lanes: Mapping[str, socket.socket]) -> None:
    """Fork for each order until the other side has closed.

    Args:
        end: of the tests' process; listener: for programs that these start.
        lanes: where supervisors are ordered, by the interpreter of a lane.
    """
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    while True:
        asking = end if end in select.select([end, listener], [], [])[0] else listener.accept()[0]
        order, descriptors = receive(asking)
        if order is None:
            return
        child = os.fork()
        if not child:
            end.close()
            listener.close()
            become(order, descriptors, lanes)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with suppress(BrokenPipeError):
            os.write(descriptors[-1], b"%d\n" % code)
        for descriptor in descriptors:
            os.close(descriptor)
        if asking is not end:
            asking.close()


def become(order: Mapping[str, Any], given: Sequence[int], lanes: Mapping[str, socket.socket]) -> None:
    """Be the command of an order; never returns.

    Args:
        given: its two streams, and where its end is told; lanes: where supervisors are ordered.
    """
    for stream, output in enumerate(given[:2], 1):
        os.dup2(output, stream)
    for descriptor in given:
        os.close(descriptor)
    signal.alarm(150)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    begin_warm(lanes)
    sys.argv = ["greenlane", *order["words"]]
    # Which warns of a program that somebody has imported.
    sys.modules.pop("greenlane.__main__", None)
    code: object = 0
    try:
        runpy.run_module("greenlane", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    pythons, numbers = sys.argv[1 : len(WARM) + 1], map(int, sys.argv[len(WARM) + 1 :])
    ours, open_to_all, *ends = (socket.socket(fileno=number) for number in numbers)
    serve(ours, open_to_all, dict(zip(pythons, ends, strict=True)))
