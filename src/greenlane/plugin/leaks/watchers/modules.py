"""`sys.modules`: entries replaced, deleted, faked, or imported from a temporary folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from greenlane.plugin.leaks.change import ABSENT, Change, Clue, identity
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.plain import is_module, module_values
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
        return list(_by_package(self._changes(last, now)))

    def _changes(self, last: dict[str, ModuleType], now: dict[str, ModuleType]) -> Iterator[_Replaced]:
        for name, module in now.items():
            if name not in last:
                if not self._imported(name, module):
                    yield name, ABSENT, module
            elif last[name] is not module:
                yield name, last[name], module
        for name, module in last.items():
            if name not in now:
                yield name, module, ABSENT

    def _imported(self, name: str, module: object) -> bool:
        """Whether an entry came by an import that will find the same module again."""
        root = sys.modules.get(name.partition(".")[0])
        if "." in name and is_module(root) and module_values(root).get("__spec__") is not None:
            # Packages such as six put submodules there by themselves.
            return module is not None
        spec = module_values(module).get("__spec__") if is_module(module) else None
        if type(spec) is not ModuleSpec:
            return False
        origin = os.path.realpath(spec.origin) if spec.has_location and spec.origin else ""
        return not origin.startswith(self._temporary) or origin.startswith(self._homes)


_Replaced = tuple[str, object, object]
"""Name of a module, what stood for it, what stands for it now."""


def _by_package(entries: Iterator[_Replaced]) -> Iterator[Change]:
    """Yield one change for all modules of a package: popped and imported again, they are others together."""
    packages: dict[str, list[_Replaced]] = {}
    for entry in entries:
        packages.setdefault(str(entry[0]).partition(".")[0], []).append(entry)
    for found in packages.values():
        yield _change(found)


def _change(entries: list[_Replaced]) -> Change:
    name, before, after = min(entries, key=lambda entry: len(str(entry[0])))

    def undo() -> None:
        for one, old, _ in entries:
            if is_module(old):
                sys.modules[one] = old
                parent, _, child = one.rpartition(".")
                holder = sys.modules.get(parent)
                if is_module(holder) and child in module_values(holder):
                    module_values(holder)[child] = old
            else:
                sys.modules.pop(one, None)

    spec = module_values(after).get("__spec__") if is_module(after) else None
    return Change(
        name,
        identity(before),
        identity(after),
        undo,
        clue=Clue(assigned="modules", key=name, owners=(sys.modules, sys)),
        # Nobody's import made it.
        made=(after,) if spec is None else (),
        advice=f'use monkeypatch.setitem(sys.modules, "{name}", …), which undoes itself',
    )
