"""What a failure below HTTP means for whoever asked."""

from __future__ import annotations

import asyncio

import aiohttp

from mini_agent.core.errors import BackendUnavailable, GatewayError, InvalidProviderResponse, ProviderTimeout
from mini_agent.net.bounded import read_start

#: Everything that aiohttp raises when a server or the way to it fails.
TRANSPORT_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)
#: A server's error text beyond this is not read, nor waited for longer than this, in seconds.
_ERROR_BYTES = 65536
_ERROR_S = 5.0


def error_of_transport(error: BaseException, peer: str = "the provider") -> GatewayError:
    """Translate a failure below HTTP. peer: who was asked, for the text.

    Returns: timeout, malformed answer or unreachable server.
    """
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return ProviderTimeout(f"{peer} did not answer in time")
    if isinstance(error, aiohttp.ClientPayloadError | ConnectionResetError | aiohttp.ServerDisconnectedError):
        return BackendUnavailable(f"{peer} closed the connection before its answer was complete")
    if isinstance(error, aiohttp.ClientResponseError):
        return InvalidProviderResponse(f"the answer of {peer} is not valid HTTP")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return BackendUnavailable(f"the host name of {peer} cannot be resolved")
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorCertificateError):
        return BackendUnavailable(f"the TLS connection to {peer} failed")
    if isinstance(error, aiohttp.ClientConnectorError):
        return BackendUnavailable(f"{peer} cannot be reached")
    return BackendUnavailable(f"the connection to {peer} failed")


async def read_refusal(answer: aiohttp.ClientResponse) -> bytes:
    """Returns: the start of a refusal's text, empty where it cannot be had: the status says what happened."""
    try:
        async with asyncio.timeout(_ERROR_S):
            return await read_start(answer, _ERROR_BYTES)
    except TRANSPORT_ERRORS:
        return b""
    finally:
        answer.release()
