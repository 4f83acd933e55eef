"""Patterns of tests, looked up among many names."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from greenlane.util.globs import wild

LAST = "\U0010ffff"


def of_test(nodeid: str, pattern: str) -> bool:
    """Return whether a pattern means a test, or a file that skipped itself whole."""
    return wild(nodeid, pattern) or ("::" not in nodeid and wild(f"{nodeid}::", pattern))


class Names:
    """Names of tests and files, sorted, so that a pattern is compared with those that begin as it does only.

    Args:
        names: all of them, in any order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        # A file that skipped itself whole is found by a pattern of its tests.
        self._sorted = sorted((name if "::" in name else f"{name}::", name) for name in set(names))
        self._keys = [key for key, _ in self._sorted]

    def matching(self, pattern: str) -> list[str]:
        """Return the names that a pattern means."""
        start = pattern.partition("*")[0].partition("?")[0]
        first, last = bisect_left(self._keys, start), bisect_left(self._keys, start + LAST)
        return [name for _, name in self._sorted[first:last] if of_test(name, pattern)]
