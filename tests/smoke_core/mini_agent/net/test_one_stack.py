"""One HTTP client and one clock serve the whole gateway."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from support.house import mentioning

#: What opens connections of its own; `http` is the standard library's client.
CLIENTS = {"ClientSession", "TCPConnector", "AsyncClient", "AsyncHTTPTransport", "HTTPConnection", "HTTPSConnection"}
#: Outside of net: clients of two SDKs around transports of ours, and two probes of this machine by commands.
OTHERS = {"tools/mcp/transport.py", "upstreams/litellm/clients.py", "interceptor/port_probe.py", "sidecar.py"}


def calls(tree: ast.AST) -> Iterator[str]:
    """Yield the last name of everything that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def test_connections_are_opened_in_net_only() -> None:
    """Providers, codex agents, tools, memory, MCP servers and the interceptor's target are asked over one stack."""
    opening = {name for name, tree in mentioning("mini_agent", "|".join(CLIENTS)) if CLIENTS & set(calls(tree))}
    assert {path for path in opening if not path.startswith("net/")} <= OTHERS
    assert "net/connector.py" in opening
