"""Which failures of a provider are tried again, and when (GATEWAY 7.2)."""

from __future__ import annotations

import email.utils
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

#: What says that the request was not served, or may be served a moment later.
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
#: Longest wait between two attempts in seconds, whatever the provider asks for.
RETRY_AFTER_CAP_S = 5.0


class RetryRule(Protocol):
    """Which refusals are tried again, and when."""

    def retries(self, status: int) -> bool:
        """Returns: whether a refusal of this status is worth another attempt."""

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Returns: seconds before the next attempt. attempt: number of the failed one, from 0."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait between two attempts.

    first_s: before the first retry, in seconds; each further wait is twice as long. cap_s: longest wait, whatever the
    provider asks for. dice: gives a number between 0 and 1, so that clients that failed together do not come back
    together.
    """

    first_s: float = 0.25
    cap_s: float = RETRY_AFTER_CAP_S
    dice: Callable[[], float] = random.random

    def retries(self, status: int) -> bool:
        """Returns: whether a refusal of this status is worth another attempt."""
        return status in RETRIED_STATUSES

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Find the wait before the next attempt.

        attempt: number of the failed one, from 0. retry_after_s: what the provider asked for, None for nothing.
        Returns: seconds; at least what was asked for, unless that is beyond the cap.
        """
        if retry_after_s is not None:
            return min(self.cap_s, retry_after_s * (1 + self.dice() / 10))
        return min(self.cap_s, self.first_s * float(2**attempt)) * (1 + self.dice()) / 2


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Read a `Retry-After` value, a number of seconds or an HTTP date.

    Returns: seconds to wait, not negative; None when absent or unparsable.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
