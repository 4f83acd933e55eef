"""Starts a lane's workers as forks of one process that has its dear modules imported already.

xdist starts a worker as a process with two pipes (execnet's `popen`). This puts a fork in the place of that process,
and leaves all else to xdist: the wire, what a worker is told, how its end is noticed, and who takes its place.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

import pytest

from greenlane.evidence.contract import CONTRACT_VARIABLE, Contract
from greenlane.evidence.journal import Event, Hermetic, NetworkAttempt
from greenlane.plugin.journal import Journal
from greenlane.plugin.preload import server
from greenlane.plugin.preload.wire import receive, send

EVENTS: Mapping[str, type[Event]] = {"Hermetic": Hermetic, "NetworkAttempt": NetworkAttempt}
"""What the network guard writes, by the names of kinds."""

LAST = 10.0
"""Seconds that the preloading process has to end, when nobody orders any more."""


class Preloader:
    """The process that imports modules and forks workers, in the process that hands tests to them.

    It is started before the first conftest, and waited for when workers are: what the controller imports, it imports
    at the same time.

    Args:
        config: of the controller; path: of the contract.
        contract: of the lane; journal: where evidence goes.
    """

    def __init__(self, config: pytest.Config, path: str, contract: Contract, journal: Journal) -> None:
        self._contract = contract
        self._journal = journal
        self._lock = threading.Lock()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed with us
        self._end, theirs = socket.socketpair()
        roots = [str(root) for root in config.getini("pythonpath")]
        filters = [*config.getini("filterwarnings"), *(config.known_args_namespace.pythonwarnings or ())]
        order = {
            "names": contract.preload, "path": [*roots, *sys.path], "filters": filters, "contract": path,
        }  # fmt: skip
        command = [sys.executable, "-P", "-s", server.__file__, str(theirs.fileno()), json.dumps(order)]
        environment = {name: value for name, value in os.environ.items() if name != CONTRACT_VARIABLE}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
        )  # fmt: skip
        theirs.close()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config) -> None:
        """Wait until everything is imported, and let xdist's workers be forks from now on.

        Raises:
            pytest.UsageError: a module cannot be imported, or starts threads.
        """
        self._wait()
        group: Any = config.pluginmanager.get_plugin("dsession")
        group = group.nodemanager.group
        # Where execnet looks for `subprocess.Popen` (execnet 2.1).
        group._execmodel = ForkingModel(group.execmodel, self)

    def _wait(self) -> None:
        """Hear how the imports went.

        Raises:
            pytest.UsageError: a module cannot be imported, or starts threads.
        """
        try:
            answer, _ = receive(self._end)
        except (OSError, EOFError):
            answer = None
        if answer is None:
            status = self._process.wait()
            failure = f"the process that imports {', '.join(self._contract.preload)} died (exit status {status})"
            answer = {"failure": failure, "notes": [], "events": []}
        self._output.seek(0)
        printed = self._output.read().decode("utf-8", "replace")
        sys.stderr.write(printed)
        for kind, fields in answer["events"]:
            self._journal.write(EVENTS[kind], **fields)
        for note in answer["notes"]:
            sys.stderr.write(f"WARNING: preload: {note}\n")
        if answer["failure"]:
            raise pytest.UsageError(f"greenlane: lanes.{self._contract.lane}.preload: {answer['failure']}")

    def fork(self, program: str, descriptors: Sequence[int]) -> None:
        """Order a worker.

        Args:
            program: what it executes; descriptors: its three streams, and where its end is told.
        """
        order = {"program": program, "cwd": os.getcwd(), "environment": dict(os.environ)}
        with self._lock:
            send(self._end, order, descriptors)

    def kill(self, number: int) -> None:
        """Have a worker killed, if it lives."""
        with self._lock, suppress(OSError):
            send(self._end, {"kill": number})

    def close(self) -> None:
        """End the process; workers end by themselves, as their wire is cut."""
        self._end.close()
        try:
            self._process.wait(LAST)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


class ForkedWorker:
    """A worker as execnet wants it: two pipes, an end that can be waited for.

    Args:
        preloader: whose fork it is.
        program: what it executes.

    Raises:
        OSError: it could not be forked.
    """

    def __init__(self, preloader: Preloader, program: str) -> None:
        self._preloader = preloader
        read, stdin = os.pipe()
        stdout, write = os.pipe()
        end, writer = os.pipe()
        try:
            preloader.fork(program, (read, write, 2, writer))
        finally:
            for descriptor in (read, write, writer):
                os.close(descriptor)
        self.stdin: IO[bytes] = os.fdopen(stdin, "wb")
        self.stdout: IO[bytes] = os.fdopen(stdout, "rb")
        self._end = os.fdopen(end)
        first = self._end.readline().strip()
        if not first.isdecimal():
            raise OSError(f"greenlane: {first or 'the process that forks workers is gone'}")
        self.pid = int(first)
        self.returncode: int | None = None

    def wait(self) -> int | None:
        """Wait for its end and return its exit status; None when nobody is there to tell it."""
        if self.returncode is None and (last := self._end.readline().strip()):
            self.returncode = int(last)
        return self.returncode

    def kill(self) -> None:
        """Kill it, if it lives."""
        self._preloader.kill(self.pid)


class ForkingModel:
    """An execution model of execnet whose processes are forks."""

    def __init__(self, model: Any, preloader: Preloader) -> None:
        self._model = model
        self._preloader = preloader
        self.subprocess = self
        self.PIPE = subprocess.PIPE

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def Popen(self, args: Sequence[str], **pipes: Any) -> Any:  # noqa: N802  in the place of subprocess.Popen
        """Fork what would be another process of this interpreter; start anything else."""
        own, *_, program = args
        return ForkedWorker(self._preloader, program) if own == sys.executable else subprocess.Popen(args, **pipes)


def preloader_of(config: pytest.Config, path: str, contract: Contract, journal: Journal) -> Preloader | None:
    """Start what a lane preloads for its workers; None where it has none, or no platform that forks.

    Args:
        config: of the first pytest of the lane; path: of its contract.
    """
    if not getattr(config.known_args_namespace, "numprocesses", 0):
        return None
    if not hasattr(os, "fork"):
        sys.stderr.write("WARNING: preload: this platform cannot fork, so each worker imports for itself\n")
        return None
    return Preloader(config, path, contract, journal)
