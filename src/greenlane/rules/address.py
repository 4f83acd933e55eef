"""The single base: one address of the system under test, whatever the variables say."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from greenlane.model.lane import Address
from greenlane.model.violation import Code, Violation

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The resolved base.

    Attributes:
        url: normalised address; empty when only a started service can give it.
        source: the variable or option that gave it.
    """

    url: str = ""
    source: str = ""


def normalise(url: str) -> str:
    """Return the one spelling of an address: lower case, no default port, no trailing slash, `127.0.0.1`.

    Raises:
        ValueError: it is no http(s) address.
    """
    text = url.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8788")
    host = parts.hostname.lower()
    host = "127.0.0.1" if host in ("localhost", "::1", "0.0.0.0") else host
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    shown = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}://{host}{shown}{parts.path.rstrip('/')}"


def resolve(address: Address, environ: Mapping[str, str]) -> Base:
    """Return the base that variables or the configured default give; an empty one leaves it to the service.

    Args:
        address: names of the variables.
        environ: the caller's environment.

    Raises:
        ValueError: a variable holds no address.
    """
    explicit = environ.get(address.variable, "").strip()
    if explicit:
        return Base(url=normalise(explicit), source=f"environment {address.variable}")
    host, port = (environ.get(name, "").strip() for name in (address.host_variable, address.port_variable))
    if port and port != "0":
        source = f"environment {address.port_variable}"
        return Base(url=normalise(f"http://{host or '127.0.0.1'}:{port}"), source=source)
    if address.default and not address.service:
        return Base(url=normalise(address.default), source="address.default")
    return Base()


def disagreements(address: Address, base: Base, environ: Mapping[str, str], strict: bool) -> list[Violation]:
    """Return ADDRESS_DRIFT for each variable that must carry the same base and carries another.

    Args:
        base: the resolved base; an empty one (the service's) differs from every explicit alias.
        strict: whether a disagreement is red; otherwise the variable is rewritten and this is a warning.
    """
    found = []
    for name in address.same:
        value = environ.get(name, "").strip()
        if not value:
            continue
        try:
            other = normalise(value)
        except ValueError:
            other = value
        if other == base.url or (base.url and other == f"{base.url}/v1"):
            continue
        owner = base.url or "the address of the started service"
        found.append(
            Violation(
                code=Code.ADDRESS_DRIFT,
                message=f"{name} is {other}, the base is {owner} ({base.source or 'service'})",
                subject=name,
                gating=strict,
            )
        )
    return found


def endpoints(address: Address, url: str) -> dict[str, str]:
    """Return every address variable with the one base, for the lane's environment."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    names = dict.fromkeys((address.variable, *address.same), url)
    return {**names, address.host_variable: parts.hostname or "", address.port_variable: str(port)}
