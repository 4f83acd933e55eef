"""The interceptor's HTTP client: nothing added, nothing decoded, nothing followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from mini_agent.core.errors import GatewayError, InvalidValue
from mini_agent.interceptor.body import ClientSide
from mini_agent.interceptor.settings import InterceptorSettings
from mini_agent.net.connector import open_http_connector, open_session
from mini_agent.net.failures import TRANSPORT_ERRORS, error_of_transport

#: Longest header line of the target's answer, in bytes.
_HEADER_BYTES = 65536


class Target:
    """The one server behind an interceptor. Its client is opened on first use, on the running loop."""

    def __init__(self, settings: InterceptorSettings) -> None:
        self._base = settings.target
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_s, connect=settings.connect_s, sock_read=settings.read_s
        )
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, scope: Mapping[str, Any], headers: list[tuple[str, str]], client: ClientSide
    ) -> aiohttp.ClientResponse:
        """Send the request of an ASGI scope.

        Returns: the answer, its body unread; the caller releases it.
        Raises: GatewayError; ClientGone.
        """
        body = await client.body()
        try:
            return await self._open().request(
                scope["method"],
                self._url(scope),
                headers=CIMultiDict(headers),
                # Wrapped here, or aiohttp looks through its table of body types for every request.
                data=aiohttp.BytesPayload(body) if isinstance(body, bytes) else body,
                allow_redirects=False,
            )
        except TRANSPORT_ERRORS as error:
            raise client.failure or self.explain(error) from error

    def explain(self, error: BaseException) -> GatewayError:
        """Returns: the error of the table that a failure below HTTP means."""
        return error_of_transport(error, self._base)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _url(self, scope: Mapping[str, Any]) -> URL:
        """Returns: the target's address with path and query of the scope, byte for byte. Raises: InvalidValue."""
        raw, query = scope["raw_path"], scope["query_string"]
        try:
            if not raw.startswith(b"/"):
                raise ValueError("without a slash it would become a part of the host")
            path = (raw + (b"?" + query if query else b"")).decode()
            # Encoded: yarl neither quotes, unquotes nor resolves `..`.
            return URL(f"{self._base}{path}", encoded=True)
        except ValueError as error:
            raise InvalidValue("The path or the query of the request is not valid") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = open_session(
                open_http_connector(),
                headers=None,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                auto_decompress=False,
                timeout=self._timeout,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
        return self._session
