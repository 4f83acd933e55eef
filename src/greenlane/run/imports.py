"""Which files of a work tree a test file imports, at once or by others, as far as its text tells it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

Stamp = tuple[int, int, int]
"""Time of the last change (ns), size and inode of a file."""

CONFTEST = "conftest.py"


class ImportGraph:
    """The imports of the Python files of a work tree; each is parsed again when it has changed only."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parsed: dict[str, tuple[Stamp, frozenset[str]]] = {}

    def reached(self, tests: Iterable[str], files: Mapping[str, Stamp]) -> dict[str, set[str]]:
        """Return, for each test file, the files that it imports, with the conftests above it.

        A name that may be several files is all of them: too much is run again rather than too little.

        Args:
            tests: paths of test files; files: every file of the tree, both relative to the root.
        """
        python = {path: names_of(path, files) for path in files if path.endswith(".py")}
        by_name: dict[str, set[str]] = {}
        for path, names in python.items():
            for name in names:
                by_name.setdefault(name, set()).add(path)
        edges = {path: self._imports(path, python[path], files[path], by_name) for path in python}
        return {test: _closure((test, *_conftests(test, files)), edges) for test in tests}

    def _imports(
        self, path: str, names: Iterable[str], stamp: Stamp, by_name: Mapping[str, set[str]]
    ) -> set[str]:  # fmt: skip
        """Return the files that a file imports by itself."""
        known = self._parsed.get(path)
        if known is None or known[0] != stamp:
            known = self._parsed[path] = (stamp, frozenset(self._mentioned(path, tuple(names))))
        return {found for name in known[1] for found in by_name.get(name, ())} - {path}

    def _mentioned(self, path: str, names: tuple[str, ...]) -> Iterator[str]:
        """Yield every module that a file may name, with the packages that it lies in."""
        try:
            nodes = ast.walk(ast.parse((self._root / path).read_bytes()))
        except (OSError, SyntaxError, ValueError):
            return
        for node in nodes:
            for name in _named(node, names, package=path.endswith("/__init__.py")):
                parts = name.split(".")
                yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _named(node: ast.AST, names: tuple[str, ...], *, package: bool) -> Iterator[str]:
    """Yield what one node names; a text with dots may be a module, too: of a table, a patch, a list of plugins."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        for base in _bases(node, names, package=package):
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        name, *_ = node.value.split(":")
        if "." in name and all(part.isidentifier() for part in name.split(".")):
            yield name


def _bases(node: ast.ImportFrom, names: tuple[str, ...], *, package: bool) -> Iterator[str]:
    """Yield the module that is imported from: of a relative import, one for each name that the file itself has."""
    if not node.level:
        yield node.module or ""
        return
    for name in names:
        parts = name.split(".")
        kept = parts[: len(parts) - node.level + package]
        yield ".".join((*kept, *([node.module] if node.module else ())))


def names_of(path: str, files: Mapping[str, Stamp]) -> tuple[str, ...]:
    """Return the names that a Python file may be imported by: from the root, from `src`, and from above its package."""
    parts = PurePosixPath(path).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    start = len(PurePosixPath(path).parts) - 1
    while start and "/".join((*PurePosixPath(path).parts[:start], "__init__.py")) in files:
        start -= 1
    found = [parts, parts[start:], *([parts[1:]] if parts[:1] == ("src",) else [])]
    return tuple(dict.fromkeys(".".join(one) for one in found if one))


def _conftests(test: str, files: Mapping[str, Stamp]) -> Iterator[str]:
    """Yield the conftests that pytest loads for a test file."""
    for folder in PurePosixPath(test).parents:
        path = (folder / CONFTEST).as_posix()
        if path in files:
            yield path


def _closure(starts: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    """Return what can be reached along edges."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(edges.get(path, ()))
    return found
