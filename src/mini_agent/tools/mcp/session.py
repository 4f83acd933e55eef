"""Sessions with MCP servers, each in a task of its own. The `mcp` package is imported on first use."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mini_agent.core.errors import MiniAgentError
from mini_agent.core.ports import Clock
from mini_agent.net.egress import Egress
from mini_agent.settings.schema import McpServer
from mini_agent.tools.mcp.transport import open_transport

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")

_log = logging.getLogger("mini_agent.tools")

#: JSON-RPC codes of the SDK, named here because the package is optional.
_INVALID_REQUEST = -32600
_CONNECTION_CLOSED = -32000
_REQUEST_TIMEOUT = -32001

#: The SDK gives a stdio server 2 s to leave, then SIGTERM and 2 s more; this is the end of our patience with both.
_CLOSE_LIMIT_S = 7.0
#: Tools are listed for every chat: a server that let one wait in vain is not asked by the next ones for this long.
_PAUSE_S = 30.0
#: More tools than a model can choose from. A server that lists more lists without an end.
_MOST_TOOLS = 2000


class McpFailure(MiniAgentError):
    """A server did not answer as it should. `str(error)` is for the model; `gone` tells that the session is lost."""

    def __init__(self, message: str, *, gone: bool, late: bool = False, unsent: bool = False) -> None:
        super().__init__(message)
        self.gone = gone
        #: True when the server let its whole time pass, or would if it could.
        self.late = late
        #: True when the server certainly did not act on the request, so that it may be sent again.
        self.unsent = unsent


@dataclass(slots=True)
class ServerFacts:
    """What all sessions with one server share.

    environ: where the PATH and HOME of a stdio server come from. egress: where connections may go. left_alone_until:
    monotonic seconds before which its tools are not listed again.
    """

    name: str
    server: McpServer
    environ: Mapping[str, str]
    egress: Egress
    left_alone_until: float = 0.0


class _Live:
    """One open session: a task that opens it, keeps it, and closes it, as the SDK's scopes demand."""

    def __init__(self, facts: ServerFacts) -> None:
        self._facts = facts
        self._name = facts.name
        self._server = facts.server
        self._stop = asyncio.Event()
        self.ended = False
        #: Whether an HTTP server has said that it does not know the session any more.
        self.forgotten = False
        self.ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._own(), name=f"mcp-{facts.name}")

    def stop(self) -> None:
        """Let the task close the session."""
        self.ended = True
        self._stop.set()

    def _lost(self) -> None:
        self.ended = True

    def _forgotten(self) -> None:
        self.forgotten = True

    async def _own(self) -> None:
        try:
            client = await self._client()
            async with asyncio.timeout(self._server.timeout) as opening, client:
                opening.reschedule(None)
                self.ready.set_result(client)
                await self._stop.wait()
        except Exception as error:  # noqa: BLE001 - the SDK's scopes wrap anything; whoever waits gets it as a failure
            self._report(error)
        finally:
            self.ended = True
            if not self.ready.done():
                self.ready.set_exception(McpFailure(f"MCP server '{self._name}' was closed", gone=True))
            if not self.ready.cancelled():
                # Read it here: nobody may be waiting any more.
                self.ready.exception()

    async def _client(self) -> Client:
        # The SDK takes most of a second to import, in which the other requests of this loop must not stand still.
        await asyncio.to_thread(_import_sdk)
        from mcp import Client

        transport = open_transport(
            self._server,
            self._facts.environ,
            egress=self._facts.egress,
            on_end=self._lost,
            on_forgotten=self._forgotten,
        )
        return Client(transport, read_timeout_seconds=self._server.timeout, cache=None)

    def _report(self, error: Exception) -> None:
        if self.ready.done():
            _log.warning("session with MCP server '%s' ended: %s", self._name, type(_leaf(error)).__name__)
            return
        text = f"MCP server '{self._name}' cannot be reached: {_text(_leaf(error))}"
        self.ready.set_exception(McpFailure(text, gone=True, late=isinstance(_leaf(error), TimeoutError)))


class McpSession:
    """A user's session with one server: opened on first use, opened again after it was lost."""

    def __init__(self, facts: ServerFacts, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock
        self._server = facts.server
        self._live: _Live | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._asking = 0
        #: When the pool was last asked for it, on the pool's clock.
        self.used_at = 0.0

    @property
    def in_use(self) -> bool:
        """Returns: whether somebody waits for an answer."""
        return self._asking > 0

    async def list_tools(self) -> list[Any]:
        """Ask for the tools; all pages together, and before them the opening, have the server's `timeout` each.

        Returns: the server's tools. Raises: McpFailure, at once for a while after the server let the time pass.
        """
        if self._clock.monotonic() < self._facts.left_alone_until:
            raise McpFailure("it did not answer in time lately, and is left alone for a while", gone=False)

        async def pages(client: Client) -> list[Any]:
            tools: list[Any] = []
            cursor: str | None = None
            async with asyncio.timeout(self._server.timeout):
                while True:
                    page = await client.list_tools(cursor=cursor)
                    tools.extend(page.tools)
                    if len(tools) > _MOST_TOOLS:
                        raise McpFailure(f"it lists more than {_MOST_TOOLS} tools", gone=False, late=True)
                    cursor = page.next_cursor
                    if not cursor:
                        return tools

        try:
            # Listing changes nothing, so a session that turns out to be lost is opened again at once.
            return await self._ask(pages, repeat=lambda failure: failure.gone and not failure.late)
        except McpFailure as failure:
            if failure.late:
                self._facts.left_alone_until = self._clock.monotonic() + _PAUSE_S
            raise

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool under the server's own name for it.

        Returns: the SDK's `CallToolResult`. Raises: McpFailure. A call is repeated only if it certainly had no effect.
        """

        async def call(client: Client) -> Any:
            return await client.call_tool(name, arguments)

        return await self._ask(call, repeat=lambda failure: failure.unsent)

    async def aclose(self) -> None:
        """Close the session, bounded. Idempotent; a later use opens it again."""
        self._drop()
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=_CLOSE_LIMIT_S)
            for task in late:
                task.cancel()

    async def _ask(self, question: Callable[[Client], Awaitable[T]], repeat: Callable[[McpFailure], bool]) -> T:
        self._asking += 1
        try:
            return await self._once(question)
        except McpFailure as failure:
            if not repeat(failure):
                raise
            return await self._once(question)
        finally:
            self._asking -= 1

    async def _once(self, question: Callable[[Client], Awaitable[T]]) -> T:
        if self._live is None or self._live.ended:
            self._drop()
            self._live = _Live(self._facts)
        live = self._live
        try:
            # Shielded: a caller that gives up must not take the session away from the others.
            return await question(await asyncio.shield(live.ready))
        except Exception as error:
            failure = error if isinstance(error, McpFailure) else self._failure(error, live)
            if failure.gone:
                live.stop()
            if failure is error:
                raise
            raise failure from error

    def _failure(self, error: Exception, live: _Live) -> McpFailure:
        leaf = _leaf(error)
        code = getattr(leaf, "code", None)
        if code == _REQUEST_TIMEOUT or isinstance(leaf, TimeoutError):
            return McpFailure(f"timeout after {self._server.timeout:g}s", gone=False, late=True)
        if code == _INVALID_REQUEST and live.forgotten:
            # What the SDK makes of an HTTP server that has forgotten the session. From a server that has not, the code
            # is about one call, and no reason to take the session away from the others.
            return McpFailure(_text(leaf), gone=True, unsent=True)
        if isinstance(code, int) and code != _CONNECTION_CLOSED:
            return McpFailure(_text(leaf), gone=False)
        return McpFailure(f"MCP server '{self._facts.name}' failed: {_text(leaf)}", gone=True)

    def _drop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            self._closing.add(live.task)
            live.task.add_done_callback(self._closing.discard)


def _import_sdk() -> None:
    for module in ("mcp", "mcp.client.sse", "mcp.client.stdio", "mcp.client.streamable_http"):
        importlib.import_module(module)


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


def _text(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    message = getattr(error, "message", None)
    return message if isinstance(message, str) and message else type(error).__name__
