"""One HTTP exchange with a Supermemory-compatible service: headers, limits, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from mini_agent.core.text import load_json
from mini_agent.memory.headers import USER_HEADER, wire_user_id
from mini_agent.memory.values import RetrievalFailed
from mini_agent.net.bounded import AnswerTooLarge, read_bounded
from mini_agent.net.sessions import Sessions, session_host

#: An answer beyond this is not read to its end, and is no answer.
MAX_ANSWER_BYTES = 4 * 1024 * 1024


class MemoryService:
    """A service at `base_url`. Each user has a client of its own, so that no cookie crosses."""

    def __init__(self, sessions: Sessions, base_url: str, api_key: str) -> None:
        self._sessions = sessions
        self._base_url = base_url
        self._host = session_host(base_url)
        self._authorization = f"Bearer {api_key}"

    async def ask(
        self, method: str, path: str, user_id: str, *, body: Any = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Make one request; the caller limits its time.

        path: below the base address, encoded. body: a JSON value. query: of the address.
        Returns: the JSON object of a 200 answer.
        Raises: RetrievalFailed.
        """
        session = await self._sessions.get_session(user_id, self._host)
        headers = {"authorization": self._authorization, USER_HEADER: wire_user_id(user_id)}
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            headers["content-type"] = "application/json"
        try:
            async with session.request(
                method, self._base_url + path, params=query, data=data, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    # Closed, not read: what a refusal says is not ours to show.
                    answer.close()
                    raise RetrievalFailed(f"HTTP {answer.status}", answer.status)
                return _object(await read_bounded(answer, MAX_ANSWER_BYTES))
        except AnswerTooLarge as error:
            raise RetrievalFailed("the answer is too large") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise RetrievalFailed(f"unreachable: {type(error).__name__}") from error


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = load_json(raw.decode("utf-8", "replace"))
    except ValueError as error:
        raise RetrievalFailed("the answer is not JSON") from error
    if not isinstance(value, dict):
        raise RetrievalFailed("the answer is no JSON object")
    return value
