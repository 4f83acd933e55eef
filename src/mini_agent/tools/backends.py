"""The table of tool backends, and from a run's request to an invoker with the settings of this gateway."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mini_agent.core.errors import InvalidParameter, MissingParameter, ProviderNotConfigured
from mini_agent.core.ports import Clock
from mini_agent.net.egress import Egress, Resolver
from mini_agent.settings import Settings
from mini_agent.tools.docker import DockerInvoker
from mini_agent.tools.echo import EchoInvoker
from mini_agent.tools.http import HttpInvoker
from mini_agent.tools.http_headers import parse_default_headers
from mini_agent.tools.local.invoker import LocalInvoker
from mini_agent.tools.local.runner import Bare, Runner
from mini_agent.tools.local.sandbox.client import Sandbox
from mini_agent.tools.mcp.invoker import McpInvoker
from mini_agent.tools.mcp.pool import McpPool
from mini_agent.tools.protocol import ClosableInvoker
from mini_agent.tools.slots import ToolSlots

DEFAULT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """What one run wants of its tools.

    timeout_s: seconds per call. shell_allow: exact argv[0] entries. user_id: whose MCP sessions are used.
    """

    backend: str = "local"
    http_base_url: str | None = None
    http_headers: Mapping[str, object] = field(default_factory=dict, repr=False)
    timeout_s: float = DEFAULT_TIMEOUT_S
    shell_allow: tuple[str, ...] = ("echo",)
    docker_container: str | None = None
    user_id: str | None = None


ToolInvokerFactory = Callable[[ToolRequest], ClosableInvoker]


class Toolbox:
    """Makes invokers. It owns what runs share: the default headers, read once, the MCP sessions, and the sandbox.

    resolve: finds the addresses of hosts that a client or an MCP server names.
    """

    def __init__(self, settings: Settings, resolve: Resolver, clock: Clock, log: logging.Logger) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self._withheld = False
        self._default_headers = parse_default_headers(settings.tool_http_headers)
        self._egress = Egress(settings.tool_http_allow_hosts, bound_to_loopback=settings.on_loopback, resolve=resolve)
        self._pool = McpPool(settings.config.mcp_servers, settings.environ, self._egress, clock)
        self._slots = ToolSlots(settings.tool_processes)
        self._runner = _runner_of(settings)
        if settings.local_tools == "unsandboxed":
            log.warning(
                "MINI_AGENT_LOCAL_TOOLS=unsandboxed: code of models runs with the rights of this gateway, reads its "
                "keys and files, and reaches its network"
            )

    def open(self, request: ToolRequest) -> ClosableInvoker:
        """Make the invoker of one run; the caller closes it.

        Returns: the invoker.
        Raises: InvalidParameter for an unknown backend, MissingParameter without base address, ToolHostNotAllowed,
        ProviderNotConfigured without container or MCP server.
        """
        return backend_of(request.backend).open(self, request)

    def mcp_for_chat(self, user_id: str | None) -> ClosableInvoker | None:
        """Returns: a user's view of the MCP servers for one chat, None when there are none to talk to."""
        if not self._pool.available:
            return None
        return McpInvoker(self._pool, user_id, max_output_bytes=self._settings.tool_max_output_bytes)

    async def aclose(self) -> None:
        """Close the MCP sessions, and end the sandbox."""
        await self._pool.aclose()
        if self._runner is not None:
            await self._runner.aclose()

    def local(self, request: ToolRequest) -> ClosableInvoker:
        """Returns: tools in processes of this machine."""
        settings = self._settings
        return LocalInvoker(
            runner=self._runner,
            timeout_s=request.timeout_s,
            max_output_bytes=settings.tool_max_output_bytes,
            shell_allow=request.shell_allow,
            slots=self._slots,
        )

    def http(self, request: ToolRequest) -> ClosableInvoker:
        """Returns: the tools of one HTTP host. Raises: MissingParameter, InvalidParameter, ToolHostNotAllowed."""
        if not request.http_base_url:
            raise MissingParameter("tool_http_base_url required for tool_backend=http", param="tool_http_base_url")
        settings = self._settings
        return HttpInvoker(
            base_url=request.http_base_url,
            headers=request.http_headers,
            default_headers=self._default_headers,
            egress=self._egress,
            on_withheld=self._warn_of_withheld_headers,
            timeout_s=request.timeout_s,
            retry_after_cap_s=settings.tool_retry_after_cap_s,
            max_output_bytes=settings.tool_max_output_bytes,
            clock=self._clock,
        )

    def docker(self, request: ToolRequest) -> ClosableInvoker:
        """Returns: tools inside a container. Raises: ProviderNotConfigured without one."""
        settings = self._settings
        container = request.docker_container or settings.docker_container
        if not container:
            raise ProviderNotConfigured(
                "tool_backend=docker needs LITELLM_MINI_AGENT_DOCKER_CONTAINER, which is not set", param="tool_backend"
            )
        return DockerInvoker(
            container=container,
            environ=settings.environ,
            docker_bin=settings.docker_exec_bin,
            python=settings.docker_python,
            timeout_s=request.timeout_s,
            max_output_bytes=settings.tool_max_output_bytes,
            shell_allow=request.shell_allow,
            slots=self._slots,
            clock=self._clock,
        )

    def mcp(self, request: ToolRequest) -> ClosableInvoker:
        """Returns: a user's view of the configured MCP servers. Raises: ProviderNotConfigured without any."""
        return McpInvoker(
            self._pool,
            request.user_id,
            timeout_s=request.timeout_s,
            max_output_bytes=self._settings.tool_max_output_bytes,
        )

    def _warn_of_withheld_headers(self) -> None:
        if not self._withheld:
            self._withheld = True
            self._log.warning(
                "a tool host got no MINI_AGENT_TOOL_HTTP_HEADERS: list the host in MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS"
            )


def _runner_of(settings: Settings) -> Runner | None:
    """Returns: what runs code of models on this machine, None where nothing does."""
    if settings.local_tools == "unsandboxed":
        return Bare(environ=settings.environ)
    if settings.local_tools == "off":
        return None
    own = (settings.config_file, settings.store_path)
    return Sandbox(
        environ=settings.environ,
        readable=settings.tool_read_paths,
        hidden=[os.path.abspath(path) for path in own if path],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolBackend:
    """One value of `tool_backend`. Whoever treats backends differently looks here, never at a name.

    open: makes the invoker of a run. has_tools: whether a run with it has tools when it does not say. required: fields
    of `/agent/run` that it needs. loops: False for one model call without tools. canned: whether a dummy model answers
    at once, without a run, and a run may be simulated (GATEWAY 4.5 and 5.7).
    """

    open: Callable[[Toolbox, ToolRequest], ClosableInvoker]
    has_tools: bool = False
    required: tuple[str, ...] = ()
    loops: bool = True
    canned: bool = False


#: Everything that `tool_backend` may say, in the order in which errors list it.
TOOL_BACKENDS: Mapping[str, ToolBackend] = MappingProxyType(
    {
        "local": ToolBackend(open=Toolbox.local, canned=True),
        "http": ToolBackend(open=Toolbox.http, has_tools=True, required=("tool_http_base_url",)),
        "docker": ToolBackend(open=Toolbox.docker),
        "mcp": ToolBackend(open=Toolbox.mcp, has_tools=True),
        "echo": ToolBackend(open=lambda _toolbox, _request: EchoInvoker(), loops=False),
    }
)


def backend_of(name: str) -> ToolBackend:
    """Returns: the backend of this name. Raises: InvalidParameter listing the valid ones."""
    if name not in TOOL_BACKENDS:
        valid = ", ".join(TOOL_BACKENDS)
        raise InvalidParameter(f"unknown tool_backend '{name[:100]}'; valid: {valid}", param="tool_backend")
    return TOOL_BACKENDS[name]
