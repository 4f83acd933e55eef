"""Finds the line that changed something by reading the source: only after a leak, so it may take its time."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from greenlane.plugin.leaks.change import Clue
from greenlane.plugin.network.audit import CallSites

MUTATORS = frozenset(
    {
        "append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault", "add", "discard",
        "sort", "reverse", "appendleft", "popleft", "extendleft", "rotate", "move_to_end", "subtract",
        "difference_update",
        "intersection_update", "symmetric_difference_update", "__setitem__", "__delitem__", "dict", "setitem",
    }
)  # fmt: skip
"""Methods that change a container in place."""

DEPTH = 3
"""How far calls are followed into helpers of the project."""


class Search:
    """Reads source files, each once.

    Args:
        sites: tells the user's files.
    """

    def __init__(self, sites: CallSites) -> None:
        self._sites = sites
        self._trees: dict[str, ast.Module | None] = {}

    def find(
        self, functions: Iterable[Callable[..., Any]], clue: Clue, source: str = "", *, nearby: bool = True
    ) -> str:
        """Return `file:line` of the change, empty when it cannot be found.

        Args:
            functions: that ran: the test and its fixtures.
            clue: what the line looks like.
            source: a file to look in last, for code that changes its own module.
            nearby: whether to look in the rest of the functions' files as well.
        """
        if not (clue.assigned or clue.calls):
            return ""
        plain = [code for function in functions if (code := _unwrapped(function)) is not None]
        for function in _with_helpers(plain, self._sites):
            path = function.__code__.co_filename
            node = self._node(path, function.__code__)
            line = _match(node, clue) if node is not None else 0
            if line:
                return f"{self._sites.relative(path)}:{line}"
        if not nearby:
            return ""
        files = dict.fromkeys([*(function.__code__.co_filename for function in plain), *([source] if source else [])])
        for path in files:
            tree = self._tree(path)
            line = _match(tree, clue) if tree is not None else 0
            if line:
                return f"{self._sites.relative(path)}:{line}"
        return ""

    def _tree(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            try:
                with open(path, encoding="utf-8") as file:
                    self._trees[path] = ast.parse(file.read())
            except (OSError, SyntaxError, ValueError):
                self._trees[path] = None
        return self._trees[path]

    def _node(self, path: str, code: CodeType) -> ast.AST | None:
        """Return the definition of a function in its file."""
        tree = self._tree(path)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first <= code.co_firstlineno <= node.lineno:
                    return node
        return None


def _unwrapped(function: Any) -> FunctionType | None:
    """Return the plain function under decorators and methods."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    return function if isinstance(function, FunctionType) else None


def _with_helpers(functions: list[FunctionType], sites: CallSites) -> Iterator[FunctionType]:
    """Yield functions, then the user's functions that they call by name, and so on, nearest first."""
    seen = set()
    level = functions
    for _ in range(DEPTH):
        below: list[FunctionType] = []
        for function in level:
            if function.__code__ in seen:
                continue
            seen.add(function.__code__)
            yield function
            below.extend(_called(function, sites))
        level = below


def _called(function: FunctionType, sites: CallSites) -> Iterator[FunctionType]:
    """Yield the user's functions and methods whose names a function mentions."""
    names = function.__code__.co_names
    for name in names:
        value = function.__globals__.get(name)
        members = (
            [value, *(vars(value).get(inner) for inner in (*names, "__init__", "__enter__"))]
            if isinstance(value, type)
            else [value, *(getattr(value, inner, None) for inner in names if inspect.ismodule(value))]
        )
        for member in members:
            plain = _unwrapped(member) if callable(member) else None
            if plain is not None and sites.mine(plain.__code__.co_filename):
                yield plain


def _match(tree: ast.AST, clue: Clue) -> int:
    """Return the first line under a node that fits, 0 for none; assignments before calls."""
    for node in ast.walk(tree):
        if clue.assigned and _assigns(node, clue):
            return int(node.lineno)  # type: ignore[attr-defined]  # statements and calls have one
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last_name(node.func) in clue.calls and _mentions(node, clue.key):
            return node.lineno
    return 0


def _assigns(node: ast.AST, clue: Clue) -> bool:
    """Whether a statement assigns, deletes or mutates the name."""
    if isinstance(node, ast.Call):
        return _call_assigns(node, clue)
    if isinstance(node, ast.Assign | ast.Delete):
        targets = [part for target in node.targets for part in ast.walk(target)]
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = list(ast.walk(node.target))
    else:
        return False
    plain = not isinstance(node, ast.AnnAssign)
    for target in targets:
        if isinstance(target, ast.Subscript):
            if _last_name(target.value) == clue.assigned and _mentions(target, clue.key):
                return True
            if not clue.key and _constant(target.slice) == clue.assigned:
                return True
        elif clue.key:
            continue
        elif isinstance(target, ast.Attribute):
            if target.attr == clue.assigned:
                return True
        elif plain and isinstance(target, ast.Name) and target.id == clue.assigned and target.col_offset:
            # Indented: a `global` in a function, not the definition at the top of the module.
            return True
    return False


def _call_assigns(node: ast.Call, clue: Clue) -> bool:
    """Whether a call mutates the container of that name, or names it in a text (setattr, patch)."""
    function = node.func
    mutates = isinstance(function, ast.Attribute) and function.attr in MUTATORS
    if mutates and _last_name(function.value) == clue.assigned and _mentions(node, clue.key):  # type: ignore[attr-defined]
        return True
    if clue.key:
        return False
    if _last_name(function) not in ("setattr", "delattr", "patch", "object", "setitem", "__setattr__"):
        return False
    texts = [_constant(argument) for argument in node.args]
    return any(text == clue.assigned or text.endswith(f".{clue.assigned}") for text in texts if text)


def _last_name(node: ast.AST) -> str:
    """Return the last part of a dotted name; of `a.b[c]` too."""
    if isinstance(node, ast.Subscript):
        return _last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _constant(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _mentions(node: ast.AST, key: str) -> bool:
    """Whether a text or name under a node is the key; an empty key is everywhere, an unreadable one too."""
    if not key:
        return True
    inner = list(ast.walk(node))
    if any(_constant(part) == key or _last_name(part) == key for part in inner):
        return True
    return not any(_constant(part) for part in inner)
