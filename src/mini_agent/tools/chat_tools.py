"""The tools that the gateway adds to a chat by itself: those of MCP servers, and memory (GATEWAY 6.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mini_agent.agent.tool_values import spec_name
from mini_agent.core.chat import ProviderRequest
from mini_agent.memory.container import container_of
from mini_agent.memory.service import MemoryService
from mini_agent.net.sessions import Sessions
from mini_agent.settings import Settings
from mini_agent.tools.memory import MemoryTools
from mini_agent.tools.protocol import ClosableInvoker, dump, failed, read_call

#: Fields of a request by which a client brings tools of its own.
_OWN_TOOLS = ("tools", "functions")


class ChatTools:
    """Decides which tools a chat request gets.

    mcp: makes a user's view of the configured servers, None without any.
    """

    def __init__(
        self, settings: Settings, sessions: Sessions, mcp: Callable[[str | None], ClosableInvoker | None]
    ) -> None:
        options, retrieval = settings.config.tool_execution, settings.config.context_retrieval
        self.options = options
        self._retrieval = retrieval
        self._mcp = mcp
        key = options.supermemory_api_key or settings.supermemory_api_key
        self._memory = MemoryService(sessions, options.supermemory_base_url, key) if key else None
        #: Whether any request can get tools at all.
        self.any = options.enabled and (self._memory is not None or mcp(None) is not None)

    def of(self, request: ProviderRequest) -> ClosableInvoker | None:
        """Find the tools of a request.

        Returns: them, None when there are none or the client decides about tools itself.
        """
        body = request.body
        if not self.options.enabled or any(body.get(name) for name in _OWN_TOOLS):
            return None
        # Without tools of its own a client can only mean that there shall be none; and several answers at once have
        # no common continuation.
        if body.get("tool_choice") in ("none", {"type": "none"}) or body.get("n") not in (None, 1):
            return None
        found = (self._memory_tools(request), self._mcp(request.caller.user_id))
        invokers = [invoker for invoker in found if invoker is not None]
        return ToolUnion(invokers) if invokers else None

    def _memory_tools(self, request: ProviderRequest) -> ClosableInvoker | None:
        user_id = request.caller.user_id
        if self._memory is None or user_id is None or not request.target.memory_host:
            return None
        container = container_of(self._retrieval.container_tag, user_id, self._retrieval.container_scope)
        return MemoryTools(self._memory, user_id=user_id, container=container, max_results=self.options.max_results)


class ToolUnion:
    """Several invokers as one. A name belongs to the first that lists it."""

    def __init__(self, invokers: Sequence[ClosableInvoker]) -> None:
        self._invokers = invokers
        self._owners: dict[str, ClosableInvoker] = {}

    async def list_tools(self) -> list[dict[str, Any]]:
        """Returns: the specs of all, without names that are there already. Raises: what the invokers raise."""
        specs = []
        for invoker in self._invokers:
            for spec in await invoker.list_tools():
                name = (spec_name(spec) or "").lower()
                if name and name not in self._owners:
                    self._owners[name] = invoker
                    specs.append(spec)
        return specs

    async def call(self, tool_call: dict[str, Any]) -> str:
        """Run one call at the invoker that listed its tool. Returns: its result as JSON text."""
        name, _ = read_call(tool_call)
        owner = self._owners.get(name.lower())
        return await owner.call(tool_call) if owner is not None else dump(failed(name, f"unsupported tool '{name}'"))

    async def aclose(self) -> None:
        """Close all."""
        for invoker in self._invokers:
            await invoker.aclose()
