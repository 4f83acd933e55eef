"""Makes the loopback of a new network namespace what tests expect of a machine: names, both families, multicast.

A namespace is born with `lo` down and nothing else. Up, it has 127.0.0.1 and ::1, which is less than it seems: glibc's
`AI_ADDRCONFIG` (asyncio, anyio and Trio ask so) counts exactly these two as no address at all, so one more of each
family is needed for `localhost` to resolve; multicast needs a flag and a route; and every device of a machine with IPv6
has a link-local address (RFC 4291, 2.8), but the loopback. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator

DEVICE = "lo"
MORE_V4 = "127.0.0.2"
MORE_V6 = "fd67:6c61:6e65::1"
LINK_LOCAL = "fe80::1"
"""One more address of each family; the second is a unique local one (RFC 4193), for IPv6 has a single loopback. And its
link-local one."""

RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 20, 24
NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL = 0x1, 0x4, 0x400, 0x200
IFF_UP, IFF_MULTICAST = 0x1, 0x1000
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_PRIORITY = 1, 4, 6
RT_TABLE_MAIN, RT_TABLE_LOCAL = 254, 255
RTPROT_BOOT, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST = 3, 0, 253, 254
RTN_UNICAST, RTN_LOCAL = 1, 2

LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")


def raise_loopback() -> tuple[str, ...]:
    """Bring `lo` up, with one more address of each family that the kernel has, and multicast.

    Returns:
        What could not be had, one line each.

    Raises:
        OSError: `lo` could not be brought up at all.
    """
    index = socket.if_nametoindex(DEVICE)
    _ask(RTM_NEWLINK, struct.pack("=BxHiII", 0, 0, index, IFF_UP | IFF_MULTICAST, IFF_UP | IFF_MULTICAST), {})
    lacking: list[str] = []
    for family, address, prefix in _families():
        with _noting(lacking, f"address {address}"):
            packed = socket.inet_pton(family, address)
            # Of the scope of 127.0.0.1, or the kernel refuses; an IPv6 address of that scope would not count.
            scope = RT_SCOPE_HOST if family == socket.AF_INET else RT_SCOPE_UNIVERSE
            body = struct.pack("=BBBBI", family, prefix, 0, scope, index)
            _ask(RTM_NEWADDR, body, {IFA_LOCAL: packed, IFA_ADDRESS: packed})
    for family in dict.fromkeys(family for family, _, _ in _families()):
        with _noting(lacking, "IPv4 multicast" if family == socket.AF_INET else "IPv6 multicast"):
            _route_multicast(family, index)
    return tuple(lacking)


def has_ipv6() -> bool:
    """Whether this network namespace has ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def hosts_with_local_names(text: str, machine: str, *, ipv6: bool) -> str:
    """Return a hosts file in which this machine's own names are its loopback, in every family.

    Args:
        text: the file as it is; other names keep their lines.
        machine: the machine's name.
        ipv6: whether there is a ::1.
    """
    own = [*dict.fromkeys((machine, machine.partition(".")[0]))] if machine else []
    taken = {name.lower() for name in (*LOCAL_NAMES, *own)}
    lines = [f"127.0.0.1 {' '.join((*LOCAL_NAMES[:2], *own))}"]
    lines += [f"::1 {' '.join((LOCAL_NAMES[0], *LOCAL_NAMES[2:], *own))}"] * ipv6
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        kept = [name for name in names if name.lower() not in taken]
        if kept:
            lines.append(f"{address} {' '.join(kept)}")
    return "\n".join(lines) + "\n"


def _families() -> Iterable[tuple[int, str, int]]:
    """Yield addresses with their family, which comes first, and the length of their networks, bits."""
    yield socket.AF_INET, MORE_V4, 8
    if has_ipv6():
        yield socket.AF_INET6, MORE_V6, 128
        yield socket.AF_INET6, LINK_LOCAL, 128


def _route_multicast(family: int, index: int) -> None:
    """Let multicast go out on `lo`, and come in there.

    Raises:
        OSError: the kernel refused.
    """
    group, bits = ("224.0.0.0", 4) if family == socket.AF_INET else ("ff00::", 8)
    # IPv6 delivers on the loopback only what a local route leads to; IPv4 looks at who has joined.
    kind, table = (RTN_UNICAST, RT_TABLE_MAIN) if family == socket.AF_INET else (RTN_LOCAL, RT_TABLE_LOCAL)
    scope = RT_SCOPE_LINK if family == socket.AF_INET else RT_SCOPE_UNIVERSE
    body = struct.pack("=BBBBBBBBI", family, bits, 0, 0, table, RTPROT_BOOT, scope, kind, 0)
    number = struct.pack("=I", index)
    _ask(RTM_NEWROUTE, body, {RTA_DST: socket.inet_pton(family, group), RTA_OIF: number, RTA_PRIORITY: number})


def _ask(kind: int, body: bytes, attributes: dict[int, bytes]) -> None:
    """Send one request to the kernel's routing (rtnetlink(7)) and wait for its answer.

    Raises:
        OSError: the kernel refused.
    """
    flags = NLM_F_REQUEST | NLM_F_ACK | (0 if kind == RTM_NEWLINK else NLM_F_CREATE | NLM_F_EXCL)
    content = body + b"".join(
        struct.pack("=HH", 4 + len(value), name) + value + bytes(-len(value) % 4) for name, value in attributes.items()
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(content), kind, flags, 1, 0) + content)
        (refused,) = struct.unpack("=i", kernel.recv(4096)[16:20])
    if refused:
        raise OSError(-refused, os.strerror(-refused))


@contextlib.contextmanager
def _noting(lacking: list[str], what: str) -> Iterator[None]:
    """Add what the kernel refused to a list, and go on."""
    try:
        yield
    except OSError as error:
        lacking.append(f"{what}: {error.strerror or error}")
