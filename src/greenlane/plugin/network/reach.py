"""The few addresses that a lane may reach beyond its loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterable


class Reach:
    """Decides whether an address, as Python's socket functions take it, is one that the lane may reach.

    A name is looked up when somebody looks it up, so that what it means then is what may be reached.

    Args:
        places: `host:port` of each.
    """

    def __init__(self, places: Iterable[str]) -> None:
        split = [place.rpartition(":") for place in places]
        self._ports: dict[str, set[int]] = {}
        for host, _, port in split:
            self._ports.setdefault(host.strip("[]").lower(), set()).add(int(port))
        self._known: set[tuple[str, int]] = {(h, port) for h, ports in self._ports.items() for port in ports}
        self._looking = False

    def names(self, host: object) -> bool:
        """Whether a host may be looked up; what it means is then reachable."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        ports = self._ports.get(name.lower())
        if ports is None:
            return False
        if not self._looking:
            self._looking = True
            try:
                found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            except OSError:  # whoever asked is told the same
                found = []
            finally:
                self._looking = False
            self._known |= {(str(one[4][0]), port) for one in found for port in ports}
        return True

    def allows(self, address: object) -> bool:
        """Whether a socket address may be reached."""
        return isinstance(address, tuple) and len(address) >= 2 and (str(address[0]), address[1]) in self._known
