"""The event-loop policy of asyncio."""

from __future__ import annotations

import sys
from typing import Any

from greenlane.plugin.leaks.change import Clue, ValueWatcher, identity
from greenlane.plugin.leaks.context import Context


def make(_context: Context) -> ValueWatcher:
    """Return the watcher of the event-loop policy. It never imports asyncio, nor makes a policy."""

    def read() -> object:
        # The public getter makes a policy where there is none, and is deprecated from 3.14 on.
        events = sys.modules.get("asyncio.events")
        return identity(getattr(events, "_event_loop_policy", None))

    def write(policy: Any) -> None:
        sys.modules["asyncio.events"].set_event_loop_policy(policy.value)

    def importing(before: Any, after: Any) -> bool:
        # The first use of asyncio makes the default policy.
        return before.value is None and type(after.value).__module__.startswith("asyncio.")

    clue = Clue(calls=("set_event_loop_policy",))
    return ValueWatcher("loop policy", read, write, clue, importing, lambda _, after: (after.value,))
