"""Starts a child that must never be left behind: signals are handed on, its end is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import greenlane
from greenlane.util.processes import signal_group

STOP_SECONDS = 20.0
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

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    payload: bytes | None = None,
    output: Callable[[bytes], None] | None = None,
) -> int:
    """Run a child in a process group of its own and return its exit status.

    Ctrl-C and TERM are handed on once; the child ends its own children. A child that does not come to its end in
    `STOP_SECONDS` seconds, or a second Ctrl-C, is killed.

    Args:
        command: argument vector.
        environment: all that the child sees.
        payload: bytes for its standard input; None lets it have none.
        output: takes each line that it prints; None lets it print itself.
    """
    sys.stdout.flush()
    with stop_signals():
        child = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL if payload is None else subprocess.PIPE,
            stdout=subprocess.PIPE if output else None, stderr=subprocess.STDOUT if output else None,
            start_new_session=os.name != "nt",
        )  # fmt: skip
        reader = threading.Thread(target=_pass_on, args=(child, output), daemon=True) if output else None
        if reader:
            reader.start()
        try:
            if payload is not None:
                _feed(child, payload)
            return child.wait()
        except KeyboardInterrupt:
            return _hand_on(child)
        finally:
            if reader:
                reader.join(STOP_SECONDS)


def _feed(child: subprocess.Popen[bytes], payload: bytes) -> None:
    """Write a child's standard input and close it; one that has gone already says so by its exit status."""
    assert child.stdin
    with suppress(BrokenPipeError):
        child.stdin.write(payload)
    with suppress(BrokenPipeError):
        child.stdin.close()


def _pass_on(child: subprocess.Popen[bytes], output: Callable[[bytes], None]) -> None:
    """Hand on every line that a child prints."""
    assert child.stdout
    with child.stdout:
        for line in child.stdout:
            output(line)


def _hand_on(child: subprocess.Popen[bytes]) -> int:
    """Ask the child to stop, wait for it, and kill it when it does not."""
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(STOP_SECONDS)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        signal_group(child, getattr(signal, "SIGKILL", signal.SIGTERM))
        return child.wait()
