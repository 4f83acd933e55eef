"""Time and unique ids, which everything gets as a parameter. Tests replace a port; they never patch a name."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from typing import Final, Protocol


class Clock(Protocol):
    """Time. All values in seconds."""

    def time(self) -> float:
        """Returns: seconds since the epoch."""

    def monotonic(self) -> float:
        """Returns: seconds on a clock that never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds`."""


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)


#: It has no state, so that all may share it.
SYSTEM_CLOCK: Final = SystemClock()


def new_id() -> str:
    """Returns: 32 random hexadecimal digits, the text of a random UUID."""
    return os.urandom(16).hex()


def id_source() -> Callable[[], str]:
    """Make a source of ids, seeded by the system once.

    Ids tell requests apart and guard nothing, and asking the system for each would cost a call into it per request.

    Returns: a function that gives 32 random hexadecimal digits.
    """
    dice = random.Random()
    return lambda: f"{dice.getrandbits(128):032x}"
