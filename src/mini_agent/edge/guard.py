"""The door (GATEWAY 14.1): who may ask at all, decided from the head of a request, before its body is read.

A browser lets every page send requests to this machine, and a page whose name was rebound to it reads the answers. The
browser tells on both: by `Origin` (or `Sec-Fetch-Site` where that is missing), and by the name in `Host`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any

from mini_agent.core.addresses import DEFAULT_PORTS, ip_address, is_loopback, is_unspecified, origin_of
from mini_agent.core.errors import (
    ForbiddenOrigin,
    HeadersTooLarge,
    InvalidHost,
    MisdirectedRequest,
    OpenAddress,
    UnsupportedMediaType,
    UnsupportedTransferCoding,
)
from mini_agent.core.patterns import Pattern
from mini_agent.settings import Settings

#: Most bytes, and most fields, that the head of a request may have.
HEADER_BYTES = 65_536
HEADER_FIELDS = 200

RawHeader = tuple[bytes, bytes]
#: The headers that the door looks at, by name, with all their values.
_Head = Mapping[bytes, list[bytes]]
_WATCHED = frozenset(
    {
        b"access-control-request-headers",
        b"access-control-request-method",
        b"content-type",
        b"host",
        b"origin",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"transfer-encoding",
    }
)
_FOREIGN_SITES = frozenset({b"cross-site", b"same-site"})

_HOST = Pattern(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,253})(?::[0-9]{1,5})?")
_METHODS = Pattern(r"[A-Z]{1,20}")
_NAMES = Pattern(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,1000}")
#: Seconds for which a browser may remember what a page was allowed.
_PREFLIGHT_AGE = b"600"
#: What a page may read beside the few headers that it always may.
_EXPOSED = b"x-request-id, x-mini-agent-provider, retry-after, www-authenticate"


@dataclass(frozen=True, kw_only=True)
class DoorRules:
    """What the operator said about the door.

    bound: the address that the server was bound to. hosts: further names it may be called by, `*.name` for all below
    one. origins: web pages that may ask, as `origin_of` writes them; `scheme://*` for all of a scheme.
    may_be_open: whether requests that arrive on an address other than loopback are served: there is a key that is not
    short, or the operator allowed to go without.
    """

    bound: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()
    may_be_open: bool = True

    @classmethod
    def of(cls, settings: Settings) -> DoorRules:
        """Returns: the rules of a gateway."""
        return cls(
            bound=settings.host,
            hosts=settings.allowed_hosts,
            origins=settings.allowed_origins,
            may_be_open=settings.may_be_open,
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may come in. headers: for its answer. preflight: whether that answer is 204 and no more."""

    headers: tuple[RawHeader, ...] = field(default=())
    preflight: bool = False


_PLAIN = Admission()


class RequestGuard:
    """Judges the head of every request, for the gateway and the interceptor alike."""

    def __init__(self, rules: DoorRules) -> None:
        self._rules = rules
        self._any_address = is_unspecified(rules.bound)
        self._is_ours = lru_cache(maxsize=256)(self._judge_host)
        self._is_open = lru_cache(maxsize=64)(_is_foreign_address)

    def admit(self, scope: Mapping[str, Any]) -> Admission:
        """Judge one ASGI request.

        Returns: what to do with it.
        Raises: HeadersTooLarge, UnsupportedTransferCoding, UnsupportedMediaType, OpenAddress, InvalidHost,
        MisdirectedRequest, ForbiddenOrigin.
        """
        headers: list[RawHeader] = scope["headers"]
        found = _watched(headers)
        # Each field has four more bytes: a colon, a blank, the end of the line.
        size = sum(map(len, chain.from_iterable(headers))) + 4 * len(headers)
        size += len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
        if len(headers) > HEADER_FIELDS or size > HEADER_BYTES:
            raise HeadersTooLarge(f"The head of a request may have {HEADER_BYTES} bytes and {HEADER_FIELDS} fields")
        if b"transfer-encoding" in found:
            _check_coding(found[b"transfer-encoding"], scope)
        if b"content-type" in found and len(found[b"content-type"]) > 1:
            raise UnsupportedMediaType("A body has one type")
        if not self._rules.may_be_open:
            self._check_address(scope)
        host = self._check_host(found.get(b"host", []))
        if b"origin" in found:
            return self._check_origin(found, host, scope["method"])
        if (
            b"sec-fetch-site" in found
            and found[b"sec-fetch-site"][-1] in _FOREIGN_SITES
            and not _is_navigation(found, scope["method"])
        ):
            raise ForbiddenOrigin("A web page of another origin may not use this gateway")
        return _PLAIN

    def _check_address(self, scope: Mapping[str, Any]) -> None:
        server = scope.get("server")
        if server and self._is_open(server[0]):
            raise OpenAddress(
                "This gateway has no master key (or one under 16 characters) and was started on an address that "
                "others reach: set MINI_AGENT_MASTER_KEY, or MINI_AGENT_ALLOW_OPEN=1"
            )

    def _check_host(self, hosts: list[bytes]) -> bytes:
        if len(hosts) != 1:
            raise InvalidHost(f"A request needs one Host header, this one has {len(hosts)}")
        if not self._is_ours(hosts[0]):
            name = hosts[0].decode("latin-1")[:200]
            raise MisdirectedRequest(f"Host '{name}' is not a name of this server: list it in MINI_AGENT_ALLOWED_HOSTS")
        return hosts[0]

    def _judge_host(self, value: bytes) -> bool:
        """Returns: whether the server may be called so. Raises: InvalidHost."""
        text = value.decode("latin-1")
        if not _HOST.fullmatch(text):
            raise InvalidHost("The Host header is not a host with an optional port")
        host, bound = _without_port(text), self._rules.bound
        if is_loopback(host) or host == bound.lower():
            return True
        address = ip_address(host)
        # Bound to every address, the server cannot know them all behind NAT; and only names can be rebound.
        if address is not None and (self._any_address or address == ip_address(bound)):
            return True
        return any(_covers(entry, host) for entry in self._rules.hosts)

    def _check_origin(self, head: _Head, host: bytes, method: str) -> Admission:
        origins = head[b"origin"]
        given = origins[0].decode("latin-1")
        origin = origin_of(given) if len(origins) == 1 else None
        if origin is not None:
            if origin in (origin_of(f"{scheme}://{host.decode('latin-1')}") for scheme in DEFAULT_PORTS):
                return _PLAIN  # A page of our own address.
            if origin in self._rules.origins or f"{origin.partition('://')[0]}://*" in self._rules.origins:
                return _cors(head, given.encode("latin-1"), method)
        raise ForbiddenOrigin(
            f"Web pages of '{given[:200]}' may not use this gateway: list them in MINI_AGENT_ALLOWED_ORIGINS"
        )


def _watched(headers: Iterable[RawHeader]) -> _Head:
    """Returns: the headers that the door looks at, from one walk over all."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in found:
            found[name].append(value.strip())
        elif name in _WATCHED:
            found[name] = [value.strip()]
    return found


def _last(head: _Head, name: bytes) -> bytes:
    return head[name][-1] if name in head else b""


def _check_coding(codings: list[bytes], scope: Mapping[str, Any]) -> None:
    if [coding.lower() for coding in codings] != [b"chunked"] or scope.get("http_version", "1.1") == "1.0":
        raise UnsupportedTransferCoding("Of transfer codings this server knows chunked, once, in HTTP/1.1")


def _is_navigation(head: _Head, method: str) -> bool:
    """Returns: whether a person followed a link to an address of ours; its page cannot read the answer."""
    is_document = _last(head, b"sec-fetch-mode") == b"navigate" and _last(head, b"sec-fetch-dest") == b"document"
    return method in ("GET", "HEAD") and is_document


def _cors(head: _Head, origin: bytes, method: str) -> Admission:
    allowed = ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))
    asked, names = _last(head, b"access-control-request-method"), _last(head, b"access-control-request-headers")
    if method != "OPTIONS" or not _METHODS.fullmatch(asked.decode("latin-1")):
        return Admission((*allowed, (b"access-control-expose-headers", _EXPOSED)))
    names = names if _NAMES.fullmatch(names.decode("latin-1")) else b""
    granted = (
        (b"access-control-allow-methods", asked),
        (b"access-control-allow-headers", names),
        (b"access-control-allow-private-network", b"true"),
        (b"access-control-max-age", _PREFLIGHT_AGE),
    )
    return Admission((*allowed, *granted), preflight=True)


def _is_foreign_address(host: str) -> bool:
    """Returns: whether an address of ours is reached from other machines; a name or a socket's path is not known."""
    address = ip_address(host)
    return address is not None and not address.is_loopback


def _without_port(host: str) -> str:
    name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    return name.lower().rstrip(".")


def _covers(entry: str, host: str) -> bool:
    return host.endswith(entry[1:]) if entry.startswith("*.") else host == entry
