"""Where the gateway connects on a client's word or a server's, and who gets the operator's secrets (GATEWAY 14.3).

An address that somebody else names may point into the operator's own network: at the metadata service of a cloud, at a
router, at a neighbour. A name is resolved once, every address it has is judged, and the connection goes to one of the
addresses that were judged: a name that answers differently the second time has gained nothing. Everything that leaves
this process on somebody else's word passes here: the HTTP tool protocol, and MCP servers with their redirects.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import string
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mini_agent.core.errors import ToolHostNotAllowed

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Services that hand out credentials of the machine to whoever asks: AWS and most others, AWS's containers, Azure,
#: Oracle, Alibaba, and the IPv6 ones of AWS and Google.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")
#: Prefixes whose last 32 bits are an IPv4 address that a translator would connect to.
_WITH_IPV4 = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_LABEL = frozenset(f"{string.ascii_letters}{string.digits}-_")
_MAX_LABEL = 63
_MAX_NAME = 253
#: Kinds that an operator can open by listing the host. No list opens the others.
_OPENED_BY_LIST = frozenset({"loopback", "private"})


def kind_of(address: str) -> str:
    """Judge an IP address.

    Returns: `public`, `loopback`, `private`, `link-local`, `metadata`, `multicast`, `unspecified` or `reserved`. An
    IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64) is what counts.
    Raises: ValueError for text that is no address.
    """
    found = ipaddress.ip_address(address)
    return _kind(_inner(found) or found)


def _inner(address: _Address) -> ipaddress.IPv4Address | None:
    """Returns: the IPv4 address that an IPv6 one stands for, None without one."""
    if isinstance(address, ipaddress.IPv4Address) or int(address) in (0, 1):
        return None
    # Without the zone, which belongs to a network of ours and not to the number.
    bare = ipaddress.IPv6Address(int(address))
    if (found := bare.ipv4_mapped or bare.sixtofour) is not None:
        return found
    if bare.teredo is not None:
        return bare.teredo[1]
    if any(bare in network for network in _WITH_IPV4):
        return ipaddress.IPv4Address(int(bare) & 0xFFFFFFFF)
    return None


def _kind(address: _Address) -> str:
    bare = address if isinstance(address, ipaddress.IPv4Address) else ipaddress.IPv6Address(int(address))
    if bare in _METADATA:
        return "metadata"
    if bare.is_unspecified or bare in _THIS_NETWORK:
        return "unspecified"
    if bare.is_loopback:
        return "loopback"
    if bare.is_link_local:
        return "link-local"
    if bare.is_multicast:
        return "multicast"
    if bare in _SITE_LOCAL:
        return "private"
    if bare.is_reserved:
        return "reserved"
    return "public" if bare.is_global else "private"


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system.

    Returns: the addresses of a host, each once, best first. Raises: OSError when there are none.
    """
    # Without AI_ADDRCONFIG: a machine that has nothing but loopback could not resolve its own name.
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:  # A label that is too long, or a byte that no name has.
        raise OSError("the host is no name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class CheckedHost:
    """A host that may be connected to, at these addresses only.

    addresses: IP texts, best first. listed: whether the operator has named it. loopback: whether all of its addresses
    are this machine's own.
    """

    host: str
    port: int
    addresses: tuple[str, ...]
    listed: bool
    loopback: bool


class Egress:
    """The rules of one gateway.

    allow_hosts: the operator's list of `host` and `host:port`. bound_to_loopback: whether this gateway serves its own
    machine only; then loopback is no more than what its clients reach anyway. resolve: asks for the addresses of a
    host.
    """

    def __init__(
        self, allow_hosts: Collection[str] = (), *, bound_to_loopback: bool = True, resolve: Resolver = system_resolver
    ) -> None:
        self._listed = frozenset(_normal(entry) for entry in allow_hosts)
        self._bound_to_loopback = bound_to_loopback
        self._resolve = resolve

    @property
    def has_list(self) -> bool:
        """Returns: whether the operator has a list at all."""
        return bool(self._listed)

    def lists(self, host: str, port: int) -> bool:
        """Returns: whether the operator's list has this host, with any port or with this one."""
        name = _normal(host)
        spelled = f"[{name}]" if ":" in name else name
        return not {name, spelled, f"{spelled}:{port}"}.isdisjoint(self._listed)

    async def check(self, host: str, port: int) -> CheckedHost:
        """Resolve a host once and judge all of its addresses.

        Returns: the host with the addresses to connect to.
        Raises: ToolHostNotAllowed if one of them must not be connected to; OSError when the name has none.
        """
        addresses = await self._addresses(host, port)
        listed = self.lists(host, port)
        kinds = {kind_of(address) for address in addresses}
        refused = sorted(kind for kind in kinds if not self._allowed(kind, listed))
        if refused:
            raise _refusal(host, refused[0])
        return CheckedHost(host, port, addresses, listed, loopback=kinds == {"loopback"})

    def may_have_secrets(self, checked: CheckedHost) -> bool:
        """Returns: whether the operator's own headers go to this host: a listed one, without a list our own machine."""
        return checked.listed if self._listed else self._bound_to_loopback and checked.loopback

    async def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        address = _written_address(host)
        if address is not None:
            return (address,)
        if not _is_name(host):
            raise OSError("the host is no name")
        found = tuple(await self._resolve(host, port))
        if not found:
            raise OSError("the host has no address")
        return found

    def _allowed(self, kind: str, listed: bool) -> bool:
        if kind == "public" or (kind == "loopback" and self._bound_to_loopback):
            return True
        return listed and kind in _OPENED_BY_LIST


def _written_address(host: str) -> str | None:
    """Returns: the address that a host is; None for a name.

    Everything that the system takes for a number is one, without asking a resolver: `127.1`, `0x7f000001`, `0177.1`.
    """
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        # The system would not look behind a blank; whoever connects might.
        if not _is_name(host):
            return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _is_name(host: str) -> bool:
    """Returns: whether a resolver may be asked for it: up to 253 characters, labels of 63 letters, digits, `-_`."""
    labels = host.removesuffix(".").split(".")
    return len(host) <= _MAX_NAME and all(
        0 < len(label) <= _MAX_LABEL and _LABEL.issuperset(label) and label.strip("-") == label for label in labels
    )


def _normal(host: str) -> str:
    return host.strip().lower().rstrip(".")


def _refusal(host: str, kind: str) -> ToolHostNotAllowed:
    advice = "; the operator can list it in MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS" if kind in _OPENED_BY_LIST else ""
    return ToolHostNotAllowed(f"host '{host[:200]}' is not allowed: it has a {kind} address{advice}")


class _PinnedResolver(AbstractResolver):
    """Answers with what was checked, and knows no other name."""

    def __init__(self, checked: Iterable[CheckedHost]) -> None:
        self._checked = {(host.host, host.port): host for host in checked}

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        """Returns: the checked addresses. Raises: OSError for a host that was not checked."""
        checked = self._checked.get((host, port))
        if checked is None:
            raise OSError("this host was not checked")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in checked.addresses
        ]

    async def close(self) -> None:
        """Nothing to free."""


def pinned_connector(*checked: CheckedHost) -> aiohttp.TCPConnector:
    """Open a pool of connections that goes to checked addresses only. Must run on the loop that uses it.

    Returns: the pool; the caller closes it, or the session that owns it.
    """
    return aiohttp.TCPConnector(resolver=_PinnedResolver(checked), limit=0, use_dns_cache=False)
