"""Containers that watched modules and classes hold, mutated in place, down to those inside them."""

from __future__ import annotations

import operator
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from greenlane.plugin.leaks.change import Change, Clue, show
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.namespaces import Namespace, Spaces
from greenlane.plugin.leaks.plain import is_a
from greenlane.plugin.leaks.versions import Touched

KINDS = (dict, list, set, deque, bytearray)
DEPTH = 3
"""How deep containers in containers are watched."""

LIMIT = 2000
"""Largest container whose items are looked at one by one; of larger ones only the size is watched."""

CACHE_WORDS = ("cache", "memo", "__warningregistry__", "__annotations__", "__builtins__", "__all__", "__path__")
"""Parts of names whose containers fill up by design: what they hold can be made again."""


class Content:
    """What a container held: compared item by item by identity.

    Args:
        container: a dict, list, set, deque or bytearray; only its items are kept.
    """

    def __init__(self, container: Any) -> None:
        self.kind: Any = next(kind for kind in KINDS if is_a(container, kind))
        self.size: int = self.kind.__len__(container)
        self.copy: Any = _copy(self.kind, container) if self.size <= LIMIT else self.kind()

    def still(self, container: Any) -> bool:
        """Whether a container holds these very items, in this order."""
        if self.kind.__len__(container) != self.size:
            return False
        if self.size > LIMIT:
            return True
        if self.kind is bytearray:
            return bool(container == self.copy)
        if self.kind is dict:
            return all(map(operator.is_, dict.values(container), self.copy.values())) and all(
                map(operator.is_, dict.keys(container), self.copy)
            )
        same = all(map(operator.is_, self.kind.__iter__(container), self.copy))
        return same or (self.kind is set and set(map(id, set.__iter__(container))) == set(map(id, self.copy)))

    def new_in(self, container: Any) -> tuple[Any, ...]:
        """Return the items, values of a dict, that a container holds and did not hold."""
        if self.size > LIMIT or self.kind is bytearray:
            return ()
        held = set(map(id, self.copy.values() if self.kind is dict else self.copy))
        items = dict.values(container) if self.kind is dict else self.kind.__iter__(container)
        return tuple(item for item in tuple(items)[-LIMIT:] if id(item) not in held)

    def put_back(self, container: Any) -> None:
        """Make a container hold these items again."""
        if self.kind in (list, bytearray):
            self.kind.__setitem__(container, slice(None), self.copy)
            return
        self.kind.clear(container)
        (deque.extend if self.kind is deque else self.kind.update)(container, self.copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Content) or self.size != other.size:
            return False
        if self.kind is dict and other.kind is dict:
            mine = {id(key): id(value) for key, value in self.copy.items()}
            return mine == {id(key): id(value) for key, value in other.copy.items()}
        return self.kind is other.kind and self.still(other.copy)

    __hash__ = None  # type: ignore[assignment]  # its items may not be hashable

    def __repr__(self) -> str:
        return show(self.copy) if self.size <= LIMIT else f"{self.kind.__name__} of {self.size} items"


def _copy(kind: Any, container: Any) -> Any:
    """Return a plain copy, past whatever a class of the user's made of copying."""
    if type(container) is dict:
        return dict.copy(container)
    if kind is dict:
        return dict(dict.items(container))
    if kind is set:
        # It does not hash its items again, whose hash may be anything.
        return set.union(set(), container)
    return kind(list(kind.__iter__(container)))


@dataclass(slots=True)
class _Held:
    """A container that is watched: where it is, the object, and what it held."""

    path: str
    name: str
    source: str
    container: Any
    content: Content


class Containers:
    """Watches containers in place.

    Args:
        context: of the lane; spaces: the watched modules and classes.
    """

    def __init__(self, context: Context, spaces: Spaces) -> None:
        self._counted = context.counted
        self._spaces = spaces
        self._by_space: list[list[_Held]] = []
        self._forget()
        self._reader = spaces.register(self._added)

    def _forget(self) -> None:
        """Begin anew with nothing to sweep over."""
        self._dicts_touched = Touched(counted=self._counted)
        self._dicts: list[tuple[int, _Held]] = []
        self._others: list[tuple[int, _Held]] = []
        self._odd: list[tuple[int, _Held]] = []
        self._objects: list[Any] = []
        self._sizes: list[int] = []
        self._items: list[Any] = []

    def _added(self, number: int) -> None:
        self._by_space.append(list(_find(self._spaces.all[number])))
        for held in self._by_space[number]:
            self._hold(number, held)

    def _hold(self, number: int, held: _Held) -> None:
        if type(held.container) is dict:
            self._dicts_touched.add(held.container)
            self._dicts.append((number, held))
            return
        if type(held.container) not in KINDS:
            self._odd.append((number, held))
            return
        self._others.append((number, held))
        self._objects.append(held.container)
        self._sizes.append(held.content.size)
        self._items.extend(held.container)

    def _others_changed(self) -> list[tuple[int, _Held]]:
        """Return the lists, sets and the like that changed; all are compared in one sweep, by identity."""
        if [*map(len, self._objects)] == self._sizes and all(
            map(operator.is_, chain.from_iterable(self._objects), self._items)
        ):
            # Not in the sweep: what may iterate in a way of its own.
            return [entry for entry in self._odd if not entry[1].content.still(entry[1].container)]
        changed = [entry for entry in (*self._others, *self._odd) if not entry[1].content.still(entry[1].container)]
        # Nothing changed but the order of a set, or a container was emptied and filled again: sweep over that.
        self._items = list(chain.from_iterable(self._objects))
        return changed

    def poll(self) -> Sequence[Change]:
        """Return the containers that do not hold what they held."""
        suspects = [self._dicts[place] for place in self._dicts_touched.ask()]
        changed = [(number, held) for number, held in suspects if not held.content.still(held.container)]
        changed += self._others_changed()
        touched = self._spaces.ask(self._reader)
        if not touched and not changed:
            return ()
        changes = [_change(held) for _, held in changed if not _only_asked(held)]
        for number in {*touched, *(number for number, _ in changed)}:
            self._by_space[number] = list(_find(self._spaces.all[number]))
        self._forget()
        for number, holdings in enumerate(self._by_space):
            for held in holdings:
                self._hold(number, held)
        return changes


def _only_asked(held: _Held) -> bool:
    """Whether a defaultdict has grown only by the defaults that reading it makes."""
    container, before = held.container, held.content.copy
    if type(container) is not defaultdict or container.default_factory is None or held.content.size > LIMIT:
        return False
    if any(container.get(key) is not value for key, value in before.items()):
        return False
    default = container.default_factory()
    return all(
        type(value) is type(default) and value == default for key, value in container.items() if key not in before
    )


def _find(space: Namespace) -> Iterator[_Held]:
    """Yield the containers of a module or class that are to be watched."""
    for name, value in tuple(space.values.items()):
        if is_a(value, KINDS) and not any(word in name.lower() for word in CACHE_WORDS):
            yield from _inside(f"{space.name}.{name}", name, space.source, value, DEPTH, set())


def _inside(path: str, name: str, source: str, value: Any, depth: int, seen: set[int]) -> Iterator[_Held]:
    """Yield a container and those in it."""
    if id(value) in seen:
        return
    seen.add(id(value))
    yield _Held(path, name, source, value, Content(value))
    kind: Any = next(kind for kind in KINDS if is_a(value, kind))
    if depth == 1 or kind in (set, bytearray) or kind.__len__(value) > LIMIT:
        return
    items = dict.items(value) if kind is dict else enumerate(kind.__iter__(value))
    for key, item in tuple(items):
        if is_a(item, KINDS):
            yield from _inside(f"{path}[{show(key)}]", name, source, item, depth - 1, seen)


def _change(held: _Held) -> Change:
    container, before = held.container, held.content
    return Change(
        held.path,
        before,
        Content(container),
        (lambda: before.put_back(container)) if before.size <= LIMIT else None,
        clue=Clue(assigned=held.name, owners=(container,)),
        made=before.new_in(container),
        inside=held.name.startswith("__") and held.name.endswith("__"),
        advice=_advice(held),
        source=held.source,
    )


def _advice(held: _Held) -> str:
    """Return how to change this container for one test only."""
    owner, _, name = held.path.partition("[")[0].rpartition(".")
    short = owner.rpartition(".")[2]
    if is_a(held.container, dict) and "[" not in held.path:
        return f"use monkeypatch.setitem({short}.{name}, …), which undoes itself"
    return f'give the test a copy: monkeypatch.setattr({short}, "{name}", copy.deepcopy({short}.{name}))'
