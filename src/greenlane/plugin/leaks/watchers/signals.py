"""Signal handlers."""

from __future__ import annotations

import operator
import signal
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from greenlane.plugin.leaks.change import Change, Clue, identity
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.plain import code_of


class Signals:
    """Watches the handler of every signal."""

    def __init__(self, _context: Context) -> None:
        # The function that `signal.getsignal` wraps: the wrapper builds an enum for each answer, 30 times slower.
        self._get = import_module("_signal").getsignal
        self._numbers = sorted(map(int, signal.valid_signals()))
        self._last = [*map(self._get, self._numbers)]

    def poll(self) -> Sequence[Change]:
        """Return the signals that are handled differently."""
        now, last = [*map(self._get, self._numbers)], self._last
        if all(map(operator.is_, now, last)):
            return ()
        self._last = now
        pairs = zip(self._numbers, last, now, strict=True)
        changed = [(number, before, after) for number, before, after in pairs if before is not after]
        return [self._change(*change) for change in changed if not _by_timeout(*change[1:])]

    def _change(self, number: int, before: Any, after: Any) -> Change:
        name = signal.Signals(number).name
        return Change(
            name,
            _shown(before),
            _shown(after),
            None if before is None else lambda: _set(number, before),
            clue=Clue(calls=("signal",), key=name),
            made=(after,),
            advice=f"keep what signal.signal(signal.{name}, …) returns and set it again in a fixture's tear-down",
        )


def _by_timeout(before: Any, after: Any) -> bool:
    """Return whether pytest-timeout set or took away its own alarm, which it does while a failure is reported."""
    return _of_timeout(after) or (after is _DEFAULT and _of_timeout(before))


def _of_timeout(handler: Any) -> bool:
    code = code_of(handler)
    return code is not None and code.co_filename.endswith("pytest_timeout.py")


def _set(number: int, handler: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)


def _shown(handler: Any) -> object:
    """Return the standard handlers by name and others as they are."""
    return signal.Handlers(handler) if type(handler) is int else identity(handler)


_DEFAULT = int(signal.SIG_DFL)
