"""Answers that end where our patience for them does: after decompression, because that is where they grow."""

from __future__ import annotations

import aiohttp


class AnswerTooLarge(Exception):
    """An answer is longer than is read. limit: in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is larger than {limit} bytes")
        self.limit = limit


async def read_bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read an answer to its end.

    limit: bytes, decoded. aiohttp decodes in small steps and only as fast as we read, so that no more than this and one
    step is ever held.
    Returns: the whole body.
    Raises: AnswerTooLarge, with the connection closed; what aiohttp raises.
    """
    parts: list[bytes] = []
    size = 0
    while part := await answer.content.readany():
        size += len(part)
        if size > limit:
            answer.close()
            raise AnswerTooLarge(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def read_start(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the first bytes of an answer, however the network cut it.

    Returns: the body, or its first `limit` bytes; then the connection is closed.
    Raises: what aiohttp raises.
    """
    parts: list[bytes] = []
    left = limit
    while left > 0 and (part := await answer.content.readany()):
        parts.append(part[:left])
        left -= len(part)
    if left <= 0:
        answer.close()
    return b"".join(parts)
