"""Finds the line that changed something by reading the source: only after a change, so it may take its time."""

from __future__ import annotations

import ast
import enum
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from greenlane.plugin.leaks.change import Clue
from greenlane.plugin.leaks.effects import Effect, Function, effects_of, functions_in, last_name, text_of
from greenlane.plugin.leaks.plain import class_values, function_of, is_class, is_module, module_text, module_values
from greenlane.plugin.leaks.scope import UNKNOWN, Scope
from greenlane.plugin.network.audit import CallSites, Side

DEPTH = 3
"""How far calls are followed into helpers of the tests."""


class Fit(enum.IntEnum):
    """How well a line explains a change: not at all, by its words alone, or by what it acts on."""

    NONE = 0
    POSSIBLE = 1
    EXACT = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the tests that explains a change.

    Attributes:
        fit: how well.
        where: `file:line`; empty for none.
        always: whether the line runs whenever its function runs to its end.
    """

    fit: Fit = Fit.NONE
    where: str = ""
    always: bool = False


NOTHING = Found()


@dataclass(slots=True)
class _Source:
    """A function with its definition and what it may change."""

    node: Function
    effects: tuple[Effect, ...]


class Search:
    """Reads source files, each once.

    Args:
        sites: tells the tests' files.
    """

    def __init__(self, sites: CallSites) -> None:
        self._sites = sites
        self._trees: dict[str, ast.Module | None] = {}
        self._texts: dict[str, str] = {}
        self._sources: dict[CodeType, _Source | None] = {}
        self._changed: dict[str, frozenset[tuple[str, str]]] = {}

    def find(self, functions: Iterable[Callable[..., Any]], clue: Clue, given: Mapping[str, Any]) -> Found:
        """Return the line of the tests that explains a change best.

        Args:
            functions: that ran: the test and its fixtures.
            clue: what the line looks like.
            given: values of the arguments of these functions.
        """
        if not (clue.assigned or clue.calls):
            return NOTHING
        best = NOTHING
        plain = [found for function in functions if (found := function_of(function)) is not None]
        for function, direct in self._with_helpers(plain):
            source = self._source(function)
            if source is None:
                continue
            scope = Scope(function, source.node, given if direct else {})
            for effect in source.effects:
                fit = _fit(effect, clue, scope)
                if fit > best.fit:
                    where = f"{self._sites.relative(function.__code__.co_filename)}:{effect.line}"
                    best = Found(fit, where, direct and effect.always)
            if best.fit is Fit.EXACT:
                return best
        return best

    def changes_itself(self, source: str, clue: Clue) -> bool:
        """Whether functions of a module, or of another of its package, change such state.

        Args:
            source: file of the module that holds it.
            clue: what a line that changes it looks like.
        """
        if not source or not clue.assigned:
            return False
        for path in self._package(source):
            if clue.assigned in self._text(path) and self._may_change(path, clue.assigned):
                return True
        return False

    def _package(self, source: str) -> Iterator[str]:
        """Yield a module's file, then those of the other modules of its package."""
        yield source
        name = next((key for key, one in list(sys.modules.items()) if _file(one) == source), "")
        root = name.partition(".")[0]
        for key, one in list(sys.modules.items()) if root else ():
            path = _file(one)
            if key.partition(".")[0] == root and path not in ("", source) and self._sites.side(path) is not Side.TEST:
                yield path

    def _may_change(self, path: str, name: str) -> bool:
        if path not in self._changed:
            tree = self._tree(path)
            functions = functions_in(tree) if tree is not None else ()
            self._changed[path] = frozenset(pair for one in functions for pair in _names_changed(one))
        return any(changed == name for _, changed in self._changed[path])

    def _text(self, path: str) -> str:
        if path not in self._texts:
            try:
                with open(path, encoding="utf-8") as file:
                    self._texts[path] = file.read()
            except (OSError, ValueError):
                self._texts[path] = ""
        return self._texts[path]

    def _tree(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self._text(path))
            except (SyntaxError, ValueError):
                self._trees[path] = None
        return self._trees[path]

    def _source(self, function: FunctionType) -> _Source | None:
        """Return the definition of a function, and what it may change."""
        code = function.__code__
        if code not in self._sources:
            tree = self._tree(code.co_filename)
            node = _definition(tree, code) if tree is not None else None
            self._sources[code] = _Source(node, effects_of(node)) if node is not None else None
        return self._sources[code]

    def _with_helpers(self, functions: list[FunctionType]) -> Iterator[tuple[FunctionType, bool]]:
        """Yield functions, then the tests' functions that they call by name, and so on; true for those that ran."""
        seen = set()
        level = functions
        for step in range(DEPTH):
            below: list[FunctionType] = []
            for function in level:
                if function.__code__ not in seen and self._sites.side(function.__code__.co_filename) is Side.TEST:
                    seen.add(function.__code__)
                    yield function, step == 0
                    below.extend(_called(function))
            level = below


def _file(module: Any) -> str:
    return module_text(module, "__file__") if is_module(module) else ""


def _definition(tree: ast.Module, code: CodeType) -> Function | None:
    """Return the definition of a function in its file."""
    for node in functions_in(tree):
        if node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= code.co_firstlineno <= node.lineno:
                return node
    return None


def _called(function: FunctionType) -> Iterator[FunctionType]:
    """Yield the functions and methods whose names a function mentions."""
    names = function.__code__.co_names
    for name in names:
        value = function.__globals__.get(name)
        members = [value]
        if is_class(value):
            values = class_values(value)
            members += [values.get(inner) for inner in (*names, "__init__", "__enter__")]
        elif is_module(value):
            members += [module_values(value).get(inner) for inner in names]
        for member in members:
            plain = function_of(member)
            if plain is not None:
                yield plain


def _names_changed(function: Function) -> Iterator[tuple[str, str]]:
    """Yield the form and name of what a function changes outside of itself, by its words."""
    for effect in effects_of(function):
        if effect.form in ("attribute", "name"):
            yield effect.form, effect.name
        elif effect.form in ("item", "method"):
            yield effect.form, last_name(effect.base)
            # `globals()["name"] = …`, `vars(module)["name"] = …`
            yield effect.form, effect.name
        elif effect.form == "setter":
            yield effect.form, effect.name or last_name(effect.base)


def _fit(effect: Effect, clue: Clue, scope: Scope) -> Fit:
    """Return how well a line of the tests explains a change."""
    if effect.form == "call":
        return _fit_call(effect, clue, scope) if effect.name in clue.calls else Fit.NONE
    if not clue.assigned:
        return Fit.NONE
    if effect.form == "attribute":
        return _fit_owner(scope.resolve(effect.base), clue) if effect.name == clue.assigned else Fit.NONE
    if effect.form == "name":
        same = effect.name == clue.assigned and any(scope.values is owner for owner in clue.owners)
        return Fit.EXACT if same else Fit.NONE
    if effect.form == "setter":
        return _fit_setter(effect, clue, scope)
    if clue.key and effect.name not in ("", clue.key):
        return Fit.NONE
    return _fit_item(effect, clue, scope)


def _fit_owner(owner: Any, clue: Clue) -> Fit:
    if owner is UNKNOWN:
        return Fit.POSSIBLE
    return Fit.EXACT if any(owner is one for one in clue.owners) else Fit.NONE


def _fit_item(effect: Effect, clue: Clue, scope: Scope) -> Fit:
    """Return the fit of `base[name] = …` and `base.append(…)`."""
    owner = scope.resolve(effect.base)
    if effect.call is not None and any(owner is one for one in (dict, list, set, bytearray)):
        # `list.append(container, …)`
        owner = scope.resolve(effect.call.args[0]) if effect.call.args else UNKNOWN
    if owner is UNKNOWN:
        return Fit.POSSIBLE if last_name(effect.base) == clue.assigned else Fit.NONE
    if not any(owner is one for one in clue.owners):
        return Fit.NONE
    # The values of a module or class: only the attribute that is meant.
    attribute = len(clue.owners) > 1 and owner is clue.owners[1] and clue.owners[1] is not clue.owners[0]
    return Fit.NONE if attribute and effect.name != clue.assigned and not clue.key else Fit.EXACT


def _fit_setter(effect: Effect, clue: Clue, scope: Scope) -> Fit:
    """Return the fit of `setattr(base, "name", …)`, `patch("base.name").start()` and the like."""
    call = effect.call
    helper = call.func.value if call is not None and isinstance(call.func, ast.Attribute) else None
    if isinstance(helper, ast.Name) and helper.id in scope.arguments:
        # monkeypatch, mocker: fixtures that undo themselves.
        return Fit.NONE
    owner = scope.resolve(effect.base)
    named = effect.name in (clue.assigned, clue.key) if clue.key else effect.name == clue.assigned
    if owner is UNKNOWN:
        return Fit.POSSIBLE if named and effect.name else Fit.NONE
    if not any(owner is one for one in clue.owners):
        return Fit.NONE
    # A name that is not written down may be any.
    named = named or not effect.name
    return Fit.EXACT if named or (not is_class(owner) and not is_module(owner)) else Fit.NONE


def _fit_call(effect: Effect, clue: Clue, scope: Scope) -> Fit:
    """Return the fit of a call by its name: exact where it is a function of an owner, or a well-known function."""
    call = effect.call
    if clue.key and call is not None and not _mentions(call, clue.key):
        return Fit.NONE
    base = UNKNOWN if effect.base is None else scope.resolve(effect.base)
    if effect.base is None:
        function = scope.resolve(call.func) if call is not None else UNKNOWN
        return Fit.POSSIBLE if function is UNKNOWN else Fit.EXACT
    if base is UNKNOWN:
        return Fit.POSSIBLE
    if any(base is owner for owner in clue.owners):
        return Fit.EXACT
    if is_module(base):
        return Fit.NONE if any(is_module(owner) for owner in clue.owners) else Fit.EXACT
    return Fit.NONE if clue.owners else Fit.POSSIBLE


def _mentions(node: ast.AST, key: str) -> bool:
    """Whether a text or name under a node is the key; one that has no text at all may be."""
    inner = list(ast.walk(node))
    if any(text_of(part) == key or last_name(part) == key for part in inner):
        return True
    return not any(text_of(part) for part in inner)
