"""The single base: one address of the system under test, whatever the variables say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import msgspec

from greenlane.config.lanes import Address, Service
from greenlane.evidence.violation import Code, Violation

_LOOPBACK = ("localhost", "::1", "0.0.0.0", "::")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The resolved base.

    Attributes:
        url: normalised address; empty when only a started service can give it.
        source: the variable or option that gave it.
    """

    url: str = ""
    source: str = ""


def canonical_url(url: str) -> str:
    """Return the one spelling of an address: lower case, no default port, no trailing slash, `127.0.0.1`.

    Raises:
        ValueError: it is no http(s) address.
    """
    text = url.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8788")
    host = _host(parts.hostname)
    host = f"[{host}]" if ":" in host else host
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r}: {error}") from error
    shown = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}://{host}{shown}{parts.path.rstrip('/')}"


def _host(name: str) -> str:
    """Return the one spelling of a host."""
    host = name.strip("[]").lower()
    return "127.0.0.1" if host in _LOOPBACK else host


def resolve(address: Address, environ: Mapping[str, str]) -> Base:
    """Return the base that variables or the configured default give; an empty one leaves it to the service.

    Args:
        address: names of the variables.

    Raises:
        ValueError: a variable holds no address; the message names it.
    """
    explicit = environ.get(address.variable, "").strip()
    if explicit:
        return Base(url=_of(address.variable, explicit), source=f"environment {address.variable}")
    host, port = (environ.get(name, "").strip() for name in (address.host_variable, address.port_variable))
    if port and port != "0":
        source = f"environment {address.port_variable}"
        return Base(url=_of(address.port_variable, f"http://{host or '127.0.0.1'}:{port}"), source=source)
    if address.default and not address.service:
        return Base(url=_of("address.default", address.default), source="address.default")
    return Base()


def _of(name: str, value: str) -> str:
    """Return the normalised address that a variable or option holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        return canonical_url(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def disagreements(address: Address, base: Base, environ: Mapping[str, str], strict: bool) -> list[Violation]:
    """Return ADDRESS_DRIFT for each variable that must carry the same base and carries another.

    Args:
        base: the resolved base; an empty one (the service's) differs from every explicit alias.
        strict: whether a disagreement is red; otherwise the variable is rewritten and this is a warning.
    """
    owner = base.url or ("the address of the started service" if address.service else "not set")
    base_text = f"the base is {owner} ({base.source or address.variable})"
    return [
        Violation(Code.ADDRESS_DRIFT, f"{name} is {value}, {base_text}", subject=name, gating=strict)
        for name, value in (*_aliases(address, base, environ), *_parts(address, base, environ))
    ]


def _aliases(address: Address, base: Base, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each further variable of the base that carries another address, with that address."""
    for name in address.same:
        value = environ.get(name, "").strip()
        if not value:
            continue
        try:
            other = canonical_url(value)
        except ValueError:
            other = value
        if not base.url or other not in (base.url, f"{base.url}/v1"):
            yield name, other


def _parts(address: Address, base: Base, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables of host and port where they name another host or port than the base does."""
    if not base.url:
        return
    own_host, own_port = _place(base.url)
    host, port = (environ.get(name, "").strip() for name in (address.host_variable, address.port_variable))
    if host and _host(host) != own_host:
        yield address.host_variable, host
    if port not in ("", "0", own_port):
        yield address.port_variable, port


def own_place(service: Service, url: str) -> int:
    """Return the port of this machine at which a base lies, where its service can be started; 0 for anywhere else.

    A path before the service's own, TLS, another host or somebody else's server is not ours to start, and a service
    that takes no port cannot be put there.
    """
    parts = urlsplit(url)
    ours = (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "")
    return parts.port or 80 if ours and not service.instead and "{port}" in " ".join(service.command) else 0


def base_line(address: Address, url: str, source: str) -> str:
    """Return the line that names the base, where it comes from, and every variable that carries it.

    Args:
        url: the base; source: the variable, option or service that gave it.
    """
    parts = (address.host_variable, address.port_variable)
    carried = endpoints(address, url)
    whole = ", ".join(name for name in carried if name not in parts)
    apart = ", ".join(f"{name}={value}" for name, value in carried.items() if name in parts)
    return f"base {url} from {source}, also in {whole}{'; ' if apart else ''}{apart}"


def endpoints(address: Address, url: str) -> dict[str, str]:
    """Return every address variable with the one base, for the lane's environment."""
    host, port = _place(url)
    carried = {**dict.fromkeys((address.variable, *address.same), url)}
    carried |= {address.host_variable: host, address.port_variable: port}
    return {name: value for name, value in carried.items() if name}


def _place(url: str) -> tuple[str, str]:
    """Return host and port of a normalised address."""
    parts = urlsplit(url)
    return parts.hostname or "", str(parts.port or _DEFAULT_PORTS[parts.scheme])
