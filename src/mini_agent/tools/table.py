"""The table of tool backends: everything `tool_backend` may say, and what serves it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mini_agent.tools.docker import DockerInvoker
from mini_agent.tools.echo import EchoInvoker
from mini_agent.tools.http import HttpInvoker
from mini_agent.tools.local.invoker import LocalInvoker
from mini_agent.tools.mcp.invoker import McpInvoker
from mini_agent.tools.protocol import ClosableInvoker

__all__ = ["TOOL_BACKENDS"]

#: Backend name to invoker class, in the order in which errors list them. Each class takes plain options.
TOOL_BACKENDS: Mapping[str, type[ClosableInvoker]] = MappingProxyType(
    {
        "local": LocalInvoker,
        "http": HttpInvoker,
        "docker": DockerInvoker,
        "mcp": McpInvoker,
        "echo": EchoInvoker,
    }
)
