"""Names and addresses of machines, and origins of web pages, in forms that can be compared."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def ip_address(host: str) -> IpAddress | None:
    """Returns: the address that a text is, one of IPv4 in IPv6's clothes as what it is; None for a name."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Returns: whether a name or an address means this machine, and is reached from it only."""
    address = ip_address(host)
    if address is None:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")
    return address.is_loopback


def is_unspecified(host: str) -> bool:
    """Returns: whether a server bound to this is bound to every address."""
    address = ip_address(host)
    return not host or (address is not None and address.is_unspecified)


def origin_of(text: str) -> str | None:
    """Write an origin in the one form in which two can be compared.

    Returns: `scheme://host` in lower case, with `:port` unless it is the scheme's own; None for what is no origin,
    `null` included: that is what a sandboxed page of anybody says.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if not (parts.scheme and parts.hostname and bare and text.isprintable()) or " " in text:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is None or port == DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{port}"
