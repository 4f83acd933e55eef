"""Proves that a process cannot leave its loopback, and counts what left it unseen by Python."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OUTSIDE = ("192.0.2.1", 9)
"""An address of TEST-NET-1 (RFC 5737): routed like any other, answered by nobody."""

OUTSIDE_NAME = "example.com"
"""A name that resolves wherever there is a resolver (RFC 2606)."""


def refusal(attempt: Callable[[], object]) -> str:
    """Try something and return how it was refused; empty when it was not."""
    try:
        attempt()
    except OSError as error:
        return str(error) or type(error).__name__
    return ""


def route_outside() -> None:
    """Ask the kernel for a route to the outside; a UDP connect sends nothing.

    Raises:
        OSError: there is none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(OUTSIDE)


def look_up_outside() -> None:
    """Resolve a name that every resolver knows.

    Raises:
        OSError: it cannot be resolved.
    """
    socket.getaddrinfo(OUTSIDE_NAME, 80)


@contextmanager
def one_at_a_time(turn: Path) -> Iterator[None]:
    """Let no other process of the lane do the same meanwhile.

    Args:
        turn: a file of the lane that is there.
    """
    import fcntl  # where the kernel encloses a lane, it is there

    with turn.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class RouteCounter:
    """Counts packets and connections for which the kernel found no route, whoever in the namespace wanted one.

    This is how a compiled client or a child process gives itself away (`OutNoRoutes`, RFC 4293).
    """

    def __init__(self) -> None:
        self._files = [fd for name in ("snmp", "snmp6") if (fd := _open(f"/proc/self/net/{name}")) >= 0]
        self._column = 0

    def read(self) -> int:
        """Return the count since the namespace was made; 0 where the kernel does not say."""
        total = 0
        for fd in self._files:
            data = os.pread(fd, 16384, 0)
            total += self._ip4(data) if data.startswith(b"Ip:") else _ip6(data)
        return total

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        while self._files:
            os.close(self._files.pop())

    def _ip4(self, data: bytes) -> int:
        names, _, rest = data.partition(b"\n")
        if not self._column:
            with suppress(ValueError):
                self._column = names.split().index(b"OutNoRoutes")
        values = rest.partition(b"\n")[0].split()
        return int(values[self._column]) if self._column else 0


def _open(path: str) -> int:
    """Return a descriptor, or -1 where there is no such file."""
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return -1


def _ip6(data: bytes) -> int:
    """Return `Ip6OutNoRoutes` of /proc/net/snmp6."""
    _, found, rest = data.partition(b"Ip6OutNoRoutes")
    return int(rest.partition(b"\n")[0]) if found else 0
