"""`sys.modules`: entries replaced, deleted, faked, or imported from a temporary folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from types import ModuleType

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.versions import Touched


class Modules:
    """Watches `sys.modules`. A real import during a test is no leak.

    Args:
        context: of the lane; this watcher keeps its `arrived` up to date.
    """

    def __init__(self, context: Context) -> None:
        self._arrived = context.arrived
        self._counted = context.counted
        self._modules = sys.modules
        self._touched = Touched(counted=context.counted)
        self._touched.add(sys.modules)
        self._last = dict(sys.modules)
        self._temporary = os.path.join(os.path.realpath(tempfile.gettempdir()), "")
        homes = (context.project, sys.prefix, sys.base_prefix)
        self._homes = tuple(os.path.join(os.path.realpath(home), "") for home in homes)

    def poll(self) -> Sequence[Change]:
        """Return the entries that no import can explain."""
        if self._arrived:
            self._arrived.clear()
        if not self._touched.ask() and sys.modules is self._modules:
            return ()
        now, last = dict(sys.modules), self._last
        sys.modules = self._modules
        self._last = now
        self._arrived.update(
            name.partition(".")[0] for name, module in now.items() if name not in last and self._imported(name, module)
        )
        return list(self._changes(last, now))

    def _changes(self, last: dict[str, ModuleType], now: dict[str, ModuleType]) -> Iterator[Change]:
        for name, module in now.items():
            if name not in last:
                if not self._imported(name, module):
                    yield _change(name, ABSENT, module)
            elif last[name] is not module:
                yield _change(name, last[name], module)
        for name in last:
            if name not in now:
                yield _change(name, last[name], ABSENT)

    def _imported(self, name: str, module: object) -> bool:
        """Whether an entry came by an import that will find the same module again."""
        root = sys.modules.get(name.partition(".")[0])
        if "." in name and getattr(root, "__spec__", None) is not None:
            # Packages such as six put submodules there by themselves.
            return module is not None
        spec = getattr(module, "__spec__", None)
        if not isinstance(module, ModuleType) or spec is None:
            return False
        origin = os.path.realpath(spec.origin) if spec.has_location and spec.origin else ""
        return not origin.startswith(self._temporary) or origin.startswith(self._homes)


def _change(name: str, before: object, after: object) -> Change:
    def undo() -> None:
        if isinstance(before, ModuleType):
            sys.modules[name] = before
        else:
            sys.modules.pop(name, None)

    return Change(
        name,
        identity(before),
        identity(after),
        undo,
        clue=Clue(assigned="modules", key=name),
        advice=f'use monkeypatch.setitem(sys.modules, "{name}", …), which undoes itself',
    )
