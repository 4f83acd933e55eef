"""A circuit breaker: a service that keeps failing is left alone for a while."""

from __future__ import annotations

from mini_agent.core.ports import Clock

FAILURES = 5
OPEN_S = 30.0


class Breaker:
    """Opens after five consecutive failures for 30 seconds, then lets one attempt find out how things are.

    Every attempt that `admits` must end with `succeeded`, `failed` or `abandoned`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    def admits(self) -> bool:
        """Returns: whether an attempt may be made now."""
        if self._opened_at is None:
            return True
        if self._probing or self._clock.monotonic() - self._opened_at < OPEN_S:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Note a success: the breaker closes."""
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> bool:
        """Note a failure. Returns: whether the breaker has opened with it."""
        self._failures += 1
        opens = self._probing or (self._opened_at is None and self._failures >= FAILURES)
        if opens:
            self._opened_at = self._clock.monotonic()
        self._probing = False
        return opens

    def abandoned(self) -> None:
        """Note an attempt that was given up and says nothing about the service."""
        self._probing = False
