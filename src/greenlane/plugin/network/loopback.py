"""Which addresses are the lane's own loopback."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from os import getcwd, readlink

LINKS = 40
"""Links that are followed, at most."""

LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "0.0.0.0", "::"})
"""Host names that mean this machine; connecting to an unspecified address is connecting to the loopback."""


class Loopback:
    """Decides whether an address, as Python's socket functions take it, stays inside the lane.

    Args:
        project: absolute path of the project; unix sockets below it, below the temporary folder and below HOME are
            the lane's own.
        enclosed: whether the kernel keeps the lane on its loopback device: what is sent to a group, or to another
            address of that device, then stays there.
    """

    def __init__(self, project: str, *, enclosed: bool = False) -> None:
        variables = (os.environ.get("TMPDIR", ""), os.environ.get("HOME", ""))
        folders = {project, tempfile.gettempdir(), "/tmp", *filter(None, variables)}
        self._folders = tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)
        self._enclosed = enclosed
        self._own = _addresses_of_device() if enclosed else frozenset()
        # Programs ask for their own machine's name; it is answered from /etc/hosts, without a network.
        self._local = LOCAL_NAMES | {socket.gethostname().lower()}

    def host_is_inside(self, host: object) -> bool:
        """Whether a host name or address is the loopback; None is, by the rules of getaddrinfo."""
        if host is None:
            return True
        if isinstance(host, bytes | bytearray):
            host = bytes(host).decode("ascii", "replace")
        text = str(host).strip("[]").rstrip(".").lower()
        if text in self._local or text.endswith(".localhost"):
            return True
        address = _numeric(text)
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped is None:
            return False
        return bool(mapped.is_loopback or (self._enclosed and mapped.is_multicast) or mapped in self._own)

    def is_numeric(self, host: object) -> bool:
        """Whether a host is an address in figures, which needs no look-up."""
        return isinstance(host, str) and _numeric(host) is not None

    def is_inside(self, address: object) -> bool:
        """Whether a socket address stays inside: a loopback tuple, or a unix socket of the lane's own."""
        if isinstance(address, tuple):
            return not address or not isinstance(address[0], str | bytes | bytearray) or self.host_is_inside(address[0])
        if isinstance(address, str | bytes | bytearray | os.PathLike):
            path = os.fsdecode(address if isinstance(address, str | os.PathLike) else bytes(address))
            # Abstract and unnamed sockets belong to the network namespace.
            return not path or path.startswith("\0") or _real(path).startswith(self._folders)
        # Netlink, vsock and others name no host.
        return True

    @staticmethod
    def show(address: object) -> str:
        """Return an address as `host:port`, a path or text."""
        if isinstance(address, tuple) and len(address) >= 2 and isinstance(address[0], str):
            host = f"[{address[0]}]" if ":" in address[0] else address[0]
            return f"{host}:{address[1]}"
        if isinstance(address, bytes | bytearray):
            return bytes(address).decode("utf-8", "replace")
        return str(address)


def plain(address: object) -> object:
    """Return an address as compiled code reads it, whatever a subclass of text or tuple says that it is."""
    if isinstance(address, tuple):
        return tuple(map(plain, tuple.__iter__(address)))
    return str.__str__(address) if isinstance(address, str) else address


def _real(path: str) -> str:
    """Return a path without links.

    Like `os.path.realpath`, but by functions that nobody has replaced since: a connect is judged in a running loop
    too, where a test may forbid what blocks (blockbuster).
    """
    todo = (path if os.path.isabs(path) else os.path.join(getcwd(), path)).split(os.sep)[::-1]
    done = ""
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = done.rpartition(os.sep)[0]
            continue
        try:
            target = readlink(f"{done}/{part}") if links < LINKS else ""
        except (OSError, ValueError):
            target = ""
        if not target:
            done = f"{done}/{part}"
            continue
        links += 1
        todo.extend(target.split(os.sep)[::-1])
        if os.path.isabs(target):
            done = ""
    return done or os.sep


def _numeric(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address in figures; None for a name."""
    try:
        return ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    except ValueError:
        return None


def _addresses_of_device() -> frozenset[ipaddress.IPv6Address]:
    """Return the IPv6 addresses of this network namespace; those of IPv4 are all in 127.0.0.0/8."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as file:
            return frozenset(ipaddress.IPv6Address(bytes.fromhex(line.split()[0])) for line in file)
    except OSError:
        return frozenset()
