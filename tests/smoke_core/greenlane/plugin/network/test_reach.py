"""The few addresses that a lane may reach beyond its loopback."""

from __future__ import annotations

import pytest

from greenlane.plugin.network.reach import Reach

REACH = Reach(["192.0.2.7:443", "[2001:db8::1]:8080", "localhost:9"])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        pytest.param(("192.0.2.7", 443), True, id="named"),
        pytest.param(("192.0.2.7", 80), False, id="another-port"),
        pytest.param(("192.0.2.8", 443), False, id="another-host"),
        pytest.param(("2001:db8::1", 8080, 0, 0), True, id="ipv6"),
        pytest.param("/run/docker.sock", False, id="path"),
    ],
)
def test_an_address_is_reached_by_host_and_port(address: object, allowed: bool) -> None:
    """Host and port must both be those that the lane names."""
    assert REACH.allows(address) is allowed


def test_a_name_is_reachable_as_what_it_means() -> None:
    """Once a name was looked up, its addresses may be reached at its port; other names may not be looked up."""
    assert not REACH.allows(("127.0.0.1", 9))
    assert REACH.names("LOCALHOST")
    assert REACH.allows(("127.0.0.1", 9))
    assert not REACH.allows(("127.0.0.1", 10))
    assert not REACH.names("example.com")
