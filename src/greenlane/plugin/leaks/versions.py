"""Tells in next to no time whether dictionaries were touched.

CPython 3.11 to 3.13 count the modifications of every dictionary (PEP 509); reading that counter proves that nothing was
touched, for all attributes of a module at once. Where there is no such counter, values are compared by identity.
"""

from __future__ import annotations

import ctypes
import operator
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_COUNTER_OFFSET = 3 * ctypes.sizeof(ctypes.c_void_p)
"""Where `PyDictObject.ma_version_tag` is: after the reference count, the type and the number of items."""

_COUNTER = struct.Struct("=Q")


def counters_work() -> bool:
    """Whether this interpreter counts the modifications of dictionaries where we read them."""
    if sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return False
    if hasattr(sys, "gettotalrefcount") or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    probe: dict[str, object] = {"a": 1, "b": 2}
    counter = _counter(probe)
    seen = {counter.value}
    changes: tuple[Callable[[], object], ...] = (
        lambda: probe.update(a="x"),
        lambda: probe.update(c=1),
        lambda: probe.pop("b"),
        lambda: probe.update(a=5),
        probe.clear,
    )
    for change in changes:
        change()
        if counter.value in seen:
            return False
        seen.add(counter.value)
    resting = counter.value
    probe.get("a")
    list(probe.items())
    return bool(counter.value == resting)


def _counter(mapping: Mapping[Any, object]) -> ctypes.c_uint64:
    """Return the live counter of a dictionary, which must outlive it."""
    # `id` is announced to audit hooks, so it is asked for once for each dictionary and never in a loop over values.
    return ctypes.c_uint64.from_address(id(mapping) + _COUNTER_OFFSET)


class Touched:
    """Knows which of many dictionaries were touched since it was last asked.

    Args:
        counted: whether to read counters; only where `counters_work()`.
    """

    def __init__(self, *, counted: bool) -> None:
        self._counted = counted
        self._dicts: list[dict[Any, Any]] = []
        self._cells: list[memoryview] = []
        self._seen = bytearray()
        self._copies: list[tuple[list[Any], list[Any]]] = []

    def __len__(self) -> int:
        return len(self._dicts)

    def add(self, mapping: dict[Any, Any]) -> int:
        """Begin to watch a dictionary, which is kept alive, and return its number."""
        self._dicts.append(mapping)
        if self._counted:
            # The counters of thousands of dictionaries are gathered and compared as bytes: no number is made of any.
            cell = memoryview(_counter(mapping))
            self._cells.append(cell)
            self._seen += bytes(cell)
        else:
            self._copies.append((list(mapping), list(mapping.values())))
        return len(self._dicts) - 1

    def ask(self) -> Sequence[int]:
        """Return the numbers of the dictionaries that were touched since the last call."""
        if self._counted:
            now = b"".join(self._cells)
            if now == self._seen:
                return ()
            pairs = zip(_COUNTER.iter_unpack(now), _COUNTER.iter_unpack(self._seen), strict=True)
            self._seen = bytearray(now)
            return [number for number, (new, old) in enumerate(pairs) if new != old]
        return self._compare()

    def _compare(self) -> Sequence[int]:
        touched = []
        for number, mapping in enumerate(self._dicts):
            keys, values = self._copies[number]
            if not _same(mapping, keys, values):
                touched.append(number)
                self._copies[number] = (list(mapping), list(mapping.values()))
        return touched


def _same(mapping: dict[Any, Any], keys: list[Any], values: list[Any]) -> bool:
    """Whether a dictionary has the same keys in the same order, and the very same values."""
    is_: Callable[[object, object], bool] = operator.is_
    return len(mapping) == len(keys) and all(map(is_, mapping.values(), values)) and all(map(is_, mapping, keys))
