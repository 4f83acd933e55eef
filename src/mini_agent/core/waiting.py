"""Time limits that cost nothing where nothing is waited for."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

_Result = TypeVar("_Result")


async def within(seconds: float, work: Awaitable[_Result]) -> _Result:
    """Do work that most often ends at once: only if it has to wait, a timer is set.

    Returns: its result. Raises: TimeoutError when it waits longer than `seconds`; what the work raises.
    """
    steps = work.__await__()
    try:
        waits_for = steps.send(None)
    except StopIteration as ended:
        result: _Result = ended.value
        return result
    async with asyncio.timeout(seconds):
        return await _resumed(steps, waits_for)


@types.coroutine
def _resumed(steps: Generator[Any, Any, _Result], waits_for: Any) -> Generator[Any, Any, _Result]:
    """Go on with work that has begun. waits_for: what its last step gave. Returns: its result."""
    try:
        while True:
            try:
                given = yield waits_for
            except BaseException as error:  # noqa: BLE001 - a cancellation is for the work to see, as any other
                waits_for = steps.throw(error)
            else:
                waits_for = steps.send(given)
    except StopIteration as ended:
        result: _Result = ended.value
        return result
