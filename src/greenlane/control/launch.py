"""Starts a child that must never be left behind: signals are handed on, its end is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import greenlane
from greenlane.control.processes import signal_group

PATIENCE = 20.0
"""Seconds that a child gets to end its own children in, before it is killed."""


def harness_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which our own interpreter finds this very greenlane.

    Args:
        outer: what else the child may see.
    """
    return {**outer, "PYTHONPATH": str(Path(greenlane.__file__).resolve().parents[1]), "PYTHONNOUSERSITE": "1"}


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn TERM and HUP into KeyboardInterrupt for a while, where we own the signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run_child(command: Sequence[str], environment: Mapping[str, str], payload: bytes | None = None) -> int:
    """Run a child in a process group of its own and return its exit status.

    Ctrl-C and TERM are handed on once; the child ends its own children. A child that does not come to its end in
    `PATIENCE` seconds, or a second Ctrl-C, is killed.

    Args:
        command: argument vector.
        environment: all that the child sees.
        payload: bytes for its standard input; None lets it have none.
    """
    sys.stdout.flush()
    with stop_signals():
        child = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL if payload is None else subprocess.PIPE,
            start_new_session=os.name != "nt",
        )  # fmt: skip
        try:
            if payload is not None:
                child.communicate(payload)
            return child.wait()
        except KeyboardInterrupt:
            return _hand_on(child)


def _hand_on(child: subprocess.Popen[bytes]) -> int:
    """Ask the child to stop, wait for it, and kill it when it does not."""
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(PATIENCE)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        signal_group(child, getattr(signal, "SIGKILL", signal.SIGTERM))
        return child.wait()
