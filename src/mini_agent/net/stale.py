"""What becomes of a request whose connection its server gave up in the same moment (RFC 9112 9.3.1 and 9.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from mini_agent.net.connector import Request

if TYPE_CHECKING:
    from aiohttp.client_middlewares import ClientHandlerType


async def send_past_stale(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request, and once more on a new connection when the one that it had was stale.

    Stale is a connection that served others before and ends without a byte of this answer: its server closed it while
    the request was on its way. That is no rarity: llama.cpp closes after every stream, 0.1 ms behind the last piece,
    though it has announced `Keep-Alive: timeout=5`, so that the next question may meet the close.

    aiohttp repeats what is idempotent itself (RFC 9110 9.2.2). A POST is repeated when its body says that asking twice
    does no harm, as browsers do it with every POST and OpenAI's client with every failure; Go and urllib3 repeat none
    whose bytes were written, and so do we where the body does not say it: a relayed path may create something, and an
    agent acts. What a model is asked changes nothing, so the price is a second answer when the server had begun with
    the first; that is rare, and happens once at most.

    Returns: the answer, its body unread. Raises: aiohttp's errors, those of the second attempt where there was one.
    """
    try:
        return await handler(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        begun = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
        if begun or not (isinstance(request, Request) and request.reused and getattr(request.body, "again", False)):
            raise
    # Its writer may still hold the body.
    await request.close()
    request.fresh = True
    return await handler(request)
