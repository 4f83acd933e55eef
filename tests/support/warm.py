"""Starts `greenlane` commands from a process that has imported it: a fork, where each would import for itself.

What a command sees is what it would see otherwise: its words, its folder, its environment, its three streams, a
process of its own. Only the imports are there already.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

TESTS = Path(__file__).parents[1]
IMPORTED = (
    "greenlane.cli", "greenlane.cli.lane", "greenlane.cli.ready", "greenlane.cli.verdict", "greenlane.cli.doctor",
    "greenlane.cli.flakes", "greenlane.cli.history", "greenlane.cli.ledger", "greenlane.cli.survey",
    "greenlane.ext.llm.examiners", "greenlane.ext.llm.guard", "greenlane.history.queue",
    "greenlane.history.recording", "greenlane.history.store", "alembic.command", "alembic.config",
    "sqlalchemy.dialects.sqlite", "xml.etree.ElementTree", "http.client", "importlib.metadata",
)  # fmt: skip
HEAD = 8
"""Bytes that say how long an order is."""


class WarmCommands:
    """A process that has everything imported, and forks for each command; a context manager."""

    def __init__(self) -> None:
        self._end, theirs = socket.socketpair()
        environment = {"PATH": os.defpath, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-P", "-m", "support.warm", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
        )
        theirs.close()
        self._answers = self._end.makefile("rb")

    def __enter__(self) -> WarmCommands:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._end.close()
        self._process.wait()

    def run(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str], output: IO[bytes]) -> int:
        """Run `greenlane WORDS…` and return its exit code, negative for a signal.

        Args:
            environment: all that it sees; output: takes both of its streams.
        """
        order = json.dumps({"words": list(words), "cwd": str(cwd), "environment": dict(environment)}).encode()
        socket.send_fds(self._end, [len(order).to_bytes(HEAD, "big")], [output.fileno()])
        self._end.sendall(order)
        return int(self._answers.readline())


def serve(end: socket.socket) -> None:
    """Fork for each order until the other side has closed."""
    for name in IMPORTED:
        importlib.import_module(name)
    while True:
        head, descriptors, _, _ = socket.recv_fds(end, HEAD, 1)
        if not head:
            return
        (output,) = descriptors
        size, order = int.from_bytes(head, "big"), b""
        while len(order) < size:
            order += end.recv(size - len(order))
        child = os.fork()
        if not child:
            end.close()
            become(json.loads(order), output)
        os.close(output)
        end.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def become(order: Mapping[str, object], output: int) -> None:
    """Be the command of an order; never returns."""
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    signal.alarm(60)
    os.chdir(str(order["cwd"]))
    environment = order["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    words = order["words"]
    assert isinstance(words, list)
    sys.argv = ["greenlane", *words]
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
    serve(socket.socket(fileno=int(sys.argv[1])))
