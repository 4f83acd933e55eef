"""What the rules of the houses ask of a module, read off its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 40
IMPORTS = 20
"""Modules that one may import, those of the standard library among them."""

VAGUE = frozenset({"told", "Wish", "Houses", "Custody", "Talk", "Outside"})
"""Names that say nothing of what they name; the field has a word for each."""

_MUTATES = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "setdefault",
        "update",
    }
)


def complaints(source: str, name: str) -> list[str]:
    """Return what a module breaks, a line each.

    Args:
        source: its text; name: by which it is told.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    found: list[str] = []
    if (lines := len(source.splitlines())) > MODULE_LINES:
        found.append(f"{name}: {lines} lines")
    if len(imported := _imported(nodes)) > IMPORTS:
        found.append(f"{name}: imports {len(imported)} modules")
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{name}:{node.lineno}: {node.name} has {length} lines")
        if (named := _named(node)).strip("_") in VAGUE:
            found.append(f"{name}:{getattr(node, 'lineno', 0)}: the name {named}")
        if isinstance(node, ast.Global):
            found.append(f"{name}:{node.lineno}: global {', '.join(node.names)}")
    found += [f"{name}:{line}: the global {what} changes" for what, line in _changed(tree, nodes)]
    return found


def modules(house: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of every module of a house."""
    root = Path(__file__).resolve().parents[2]
    for file in sorted((root / "src" / house).rglob("*.py")):
        yield file.relative_to(root).as_posix(), file.read_text(encoding="utf-8")


def mentioning(house: str, pattern: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield path in the house and tree of every module whose text has a pattern; to parse the others takes seconds.

    Raises:
        AssertionError: there is no module at all.
    """
    prefix = f"src/{house}/"
    sources = dict(modules(house))
    assert sources, f"{prefix} has no modules"
    for path, source in sources.items():
        if re.search(pattern, source):
            yield path.removeprefix(prefix), ast.parse(source)


def _imported(nodes: list[ast.AST]) -> set[str]:
    """Return the modules that one names in its imports."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names - {"__future__"}


def _named(node: ast.AST) -> str:
    """Return the name that a node gives to something; empty where it gives none."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Name | ast.Attribute):
        given = node.id if isinstance(node, ast.Name) else node.attr
        return given if isinstance(node.ctx, ast.Store) else ""
    return node.arg if isinstance(node, ast.arg) else ""


def _changed(tree: ast.Module, nodes: list[ast.AST]) -> Iterator[tuple[str, int]]:
    """Yield each name of the module's top whose content a function changes, with the line."""
    top = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    # Most modules change nothing that has such a name, wherever it may come from: no function is looked at.
    if not any(_target(node) in top for node in nodes):
        return
    for function in nodes:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        nodes = list(ast.walk(function))
        own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        own |= {argument.arg for argument in nodes if isinstance(argument, ast.arg)}
        free = top - own
        for node in nodes if free else ():
            if (name := _target(node)) in free:
                yield name, getattr(node, "lineno", 0)


def _target(node: ast.AST) -> str:
    """Return the name whose content a node changes; empty for none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATES:
        changed: ast.expr = node.func.value
    elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        changed = node.value
    else:
        return ""
    return changed.id if isinstance(changed, ast.Name) else ""
