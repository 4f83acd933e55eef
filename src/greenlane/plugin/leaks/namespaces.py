"""The modules and classes whose attributes are watched, kept up to date as packages are imported."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.plain import (
    class_module,
    class_name,
    class_values,
    is_class,
    is_module,
    module_text,
    module_values,
)
from greenlane.plugin.leaks.versions import Touched


@dataclass(frozen=True, slots=True)
class Namespace:
    """A module or a class.

    Attributes:
        name: dotted, module first.
        owner: the module or class; values: its own dictionary.
        source: file of the module; empty for none.
    """

    name: str
    owner: ModuleType | type
    values: dict[str, Any]
    source: str


def of_module(module: ModuleType) -> Namespace:
    """Return the namespace of a module."""
    values = module_values(module)
    return Namespace(module_text(module, "__name__"), module, values, module_text(module, "__file__"))


def classes_in(space: Namespace) -> Iterator[Namespace]:
    """Yield the classes that are defined in a module or class, and those in them."""
    owner: Any = space.owner
    module = class_module(owner) if is_class(owner) else module_text(owner, "__name__")
    for name, value in tuple(space.values.items()):
        if is_class(value) and class_module(value) == module and class_name(value) == name:
            found = of_class(value, f"{space.name}.{name}", space.source)
            if found is not None and value is not space.owner:
                yield found
                yield from classes_in(found)


def of_class(owner: type, name: str, source: str) -> Namespace | None:
    """Return the namespace of a class; None where its dictionary cannot be had."""
    # A class shows its dictionary behind a read-only proxy; the collector knows what the proxy refers to.
    for referent in gc.get_referents(class_values(owner)):
        if type(referent) is dict:
            return Namespace(name, owner, referent, source)
    return None


class Spaces:
    """The watched modules and classes, and which of them were touched.

    Args:
        context: of the lane; arrivals: tells of watched modules.
    """

    def __init__(self, context: Context, arrivals: Arrivals) -> None:
        self.all: list[Namespace] = []
        self._touched = Touched(counted=context.counted)
        self._known: dict[str, int] = {}
        self._again: set[int] = set()
        self._readers: list[tuple[Callable[[int], None], set[int]]] = []
        arrivals.tell(self._adopt)

    def register(self, added: Callable[[int], None]) -> int:
        """Call a function with the number of each namespace, now and later; return the number of the reader."""
        self._readers.append((added, set()))
        for number in range(len(self.all)):
            added(number)
        return len(self._readers) - 1

    def ask(self, reader: int) -> set[int]:
        """Return the namespaces that were touched since this reader last asked.

        The first reader looks; the others, which are asked right after it, are told what it saw.
        """
        if reader == 0:
            for number in self._touched.ask():
                for found in classes_in(self.all[number]):
                    self._add(found)
                for _, pending in self._readers:
                    pending.add(number)
        pending = self._readers[reader][1]
        if not pending:
            return pending
        touched = set(pending)
        pending.clear()
        return touched

    def executed_again(self, number: int) -> bool:
        """Whether a module was executed again since this was last asked (`importlib.reload`)."""
        again = number in self._again
        self._again.discard(number)
        return again

    def _adopt(self, module: ModuleType) -> None:
        """Take a module as it is, in the place of one of the same name."""
        space = of_module(module)
        for found in (space, *classes_in(space)):
            self._add(found)

    def _add(self, space: Namespace) -> None:
        known = self._known.get(space.name)
        if known is not None and self.all[known].values is space.values:
            if is_module(space.owner):
                self._again.add(known)
            return
        number = self._known[space.name] = self._touched.add(space.values)
        self.all.append(space)
        for added, _ in self._readers:
            added(number)


class Arrivals(MetaPathFinder):
    """Tells of each watched module the moment its import is complete, before a test can change it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._listeners: list[Any] = []

    def tell(self, listener: Any) -> None:
        """Call a function with each watched module: those that are there, and those that arrive."""
        self._listeners.append(listener)
        for name, module in tuple(sys.modules.items()):
            if self._context.watches(name) and is_module(module) and module_text(module, "__name__") == name:
                listener(module)

    def start(self) -> None:
        """Listen to imports."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Listen no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a watched module as all others would, and hear of the end of its execution."""
        if not self._context.watches(fullname):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                self._follow(spec)
                return spec
        return None

    def _follow(self, spec: ModuleSpec) -> None:
        """Hear of the end of one module's execution."""
        loader: Any = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None or "exec_module" in getattr(loader, "__dict__", {"exec_module": None}):
            return

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            for listener in self._listeners:
                listener(module)

        loader.exec_module = exec_module
