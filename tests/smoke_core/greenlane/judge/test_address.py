"""The single base."""

from __future__ import annotations

import pytest

from greenlane.config.lanes import Address
from greenlane.evidence.violation import Code
from greenlane.judge.address import Base, canonical_url, disagreements, endpoints, resolve

NAMES = {"variable": "MINI_AGENT_API_BASE", "same": ("CODEX_AGENT_API_BASE",)}
ADDRESS = Address(host_variable="MINI_AGENT_API_HOST", port_variable="MINI_AGENT_API_PORT", **NAMES)
BASE = Base(url="http://127.0.0.1:8788", source="environment MINI_AGENT_API_BASE")


@pytest.mark.parametrize(
    ("spelling", "base"),
    [
        pytest.param("http://127.0.0.1:8788", "http://127.0.0.1:8788", id="plain"),
        pytest.param("HTTP://LocalHost:8788/", "http://127.0.0.1:8788", id="case-name-and-slash"),
        pytest.param(" localhost:8788 ", "http://127.0.0.1:8788", id="blanks-and-no-scheme"),
        pytest.param("http://[::1]:8788", "http://127.0.0.1:8788", id="ipv6-loopback"),
        pytest.param("http://0.0.0.0:8788", "http://127.0.0.1:8788", id="any-address"),
        pytest.param("http://gw.example:80", "http://gw.example", id="default-port"),
        pytest.param("https://gw.example:443/v1/", "https://gw.example/v1", id="default-port-and-path"),
        pytest.param("https://gw.example:80", "https://gw.example:80", id="port-of-the-other-scheme"),
        pytest.param("http://[2001:db8::1]:9", "http://[2001:db8::1]:9", id="ipv6"),
        pytest.param("localhost:8788/a//b", "http://127.0.0.1:8788/a//b", id="double-slash-in-path"),
    ],
)
def test_equivalent_spellings_are_one_base(spelling: str, base: str) -> None:
    """Scheme, case, default port, trailing slash and names of the loopback do not make another address."""
    assert canonical_url(spelling) == base
    assert canonical_url(canonical_url(spelling)) == base


@pytest.mark.parametrize("text", ["", "http://", "ftp://h", "/tmp/socket", "http://h:port", "http://h:99999"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Anything but http and https with a host and a real port."""
    with pytest.raises(ValueError, match=r"\S"):
        canonical_url(text)


@pytest.mark.parametrize(
    ("address", "environ", "url", "source"),
    [
        pytest.param(ADDRESS, {}, "", "", id="nothing-leaves-it-to-the-service"),
        pytest.param(
            ADDRESS, {"MINI_AGENT_API_BASE": "localhost:1", "MINI_AGENT_API_PORT": "2"}, "http://127.0.0.1:1",
            "environment MINI_AGENT_API_BASE", id="base-before-port",
        ),
        pytest.param(
            ADDRESS, {"MINI_AGENT_API_PORT": "2"}, "http://127.0.0.1:2", "environment MINI_AGENT_API_PORT", id="port"
        ),
        pytest.param(
            ADDRESS, {"MINI_AGENT_API_HOST": "GW", "MINI_AGENT_API_PORT": "2"}, "http://gw:2",
            "environment MINI_AGENT_API_PORT", id="host-and-port",
        ),
        pytest.param(ADDRESS, {"MINI_AGENT_API_PORT": "0"}, "", "", id="port-0-is-any-port"),
        pytest.param(ADDRESS, {"MINI_AGENT_API_BASE": "  "}, "", "", id="blank-is-unset"),
        pytest.param(Address(default="localhost:5"), {}, "http://127.0.0.1:5", "address.default", id="default"),
        pytest.param(Address(default="localhost:5", service="gateway"), {}, "", "", id="service-before-default"),
        pytest.param(Address(variable="B"), {"B": "h:1"}, "http://h:1", "environment B", id="own-variable"),
    ],
)  # fmt: skip
def test_the_base_comes_from_the_strongest_source(
    address: Address, environ: dict[str, str], url: str, source: str
) -> None:
    """Base variable, host and port, service, default; and the source is remembered."""
    assert resolve(address, environ) == Base(url=url, source=source)


@pytest.mark.parametrize("value", ["", " ", "http://localhost:8788/", "127.0.0.1:8788", "http://127.0.0.1:8788/v1/"])
def test_aliases_that_say_the_same_do_not_disagree(value: str) -> None:
    """Another spelling, the OpenAI path below the base, and an empty variable are no drift."""
    assert disagreements(ADDRESS, BASE, {"CODEX_AGENT_API_BASE": value}, strict=True) == []


@pytest.mark.parametrize("value", ["http://127.0.0.1:8789", "https://127.0.0.1:8788", "not an address", "localhost"])
@pytest.mark.parametrize("strict", [True, False])
def test_an_alias_that_says_otherwise_is_drift(value: str, strict: bool) -> None:
    """Red when strict, a warning otherwise; both addresses are named."""
    (found,) = disagreements(ADDRESS, BASE, {"CODEX_AGENT_API_BASE": value}, strict)

    assert (found.code, found.subject, found.gating) == (Code.ADDRESS_DRIFT, "CODEX_AGENT_API_BASE", strict)
    assert BASE.url in found.message
    assert BASE.source in found.message


def test_an_alias_disagrees_with_a_service_whose_port_nobody_knows_yet() -> None:
    """The started service gets a port of its own; a variable that names one is about something else."""
    served = Address(service="gateway", **NAMES)
    (found,) = disagreements(served, Base(), {"CODEX_AGENT_API_BASE": "http://127.0.0.1:8788"}, strict=True)

    assert "the address of the started service" in found.message


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [("http://127.0.0.1:41234", "127.0.0.1", "41234"), ("https://gw.example", "gw.example", "443")],
)
def test_every_variable_carries_the_one_base(url: str, host: str, port: str) -> None:
    """Whichever variable a test reads, it finds the same place."""
    assert endpoints(ADDRESS, url) == {
        "MINI_AGENT_API_BASE": url,
        "CODEX_AGENT_API_BASE": url,
        "MINI_AGENT_API_HOST": host,
        "MINI_AGENT_API_PORT": port,
    }
