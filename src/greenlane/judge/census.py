"""Which tests a file defines, read from its text: whoever hides a test from pytest cannot hide it from here.

Pytest's default names count, whatever the project configures: a name like a test's promises a test. Where an honest
project may mean something else (a branch on the platform, a fixture, a base class), it is given the benefit.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from greenlane.evidence.evidence import JournalFacts, Uncollected

FILES = ("test_*.py", "*_test.py")
NOT_ENTERED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}", "__pycache__")
"""Folders that pytest does not enter by itself (`norecursedirs`)."""

_FUNCTION = re.compile(r"test($|[_A-Z0-9])")
"""`testing()` and `testdata()` are helpers to most people, though tests to pytest."""

_NO_TEST = re.compile(r"fixture|property$|overload$|\.(setter|getter|deleter|register|command|task)$", re.IGNORECASE)
"""Decorators that make something else of a function than a test."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Definition(msgspec.Struct, frozen=True):
    """A test as its file defines it; `hidden_by` is the line of what takes its name later, 0 for nothing."""

    nodeid: str
    line: int
    hidden_by: int = 0


def definitions(path: str, source: bytes) -> list[Definition]:
    """Return the tests that a file defines; none for a file that is no Python, which pytest reports.

    Args:
        path: of the file, relative to the project, with slashes.
        source: its content.
    """
    return list(_of_scope(path, statements_of(source)))


def statements_of(source: bytes) -> list[ast.stmt]:
    """Return the statements of a file; none of one that is no Python, which pytest reports."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):
        return []


def _of_scope(prefix: str, body: Sequence[ast.stmt]) -> Iterator[Definition]:
    """Yield the tests of a module or class."""
    statements = list(_executed(body))
    takers: dict[str, list[int]] = {}
    for position, node in enumerate(statements):
        for name in _taken(node):
            takers.setdefault(name, []).append(position)
    for position, node in enumerate(statements):
        if isinstance(node, _Function) and _FUNCTION.match(node.name) and not _is_other(node):
            found = [Definition(f"{prefix}::{node.name}", node.lineno)]
        elif isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or _is_case(node)):
            found = list(_of_scope(f"{prefix}::{node.name}", node.body))
        else:
            continue
        later = next((statements[other].lineno for other in takers.get(node.name, ()) if other > position), 0)
        for definition in found:
            yield msgspec.structs.replace(definition, hidden_by=later or definition.hidden_by)


def _executed(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a scope, without branches on a condition that only the interpreter can know."""
    for node in body:
        if isinstance(node, ast.If):
            if isinstance(node.test, ast.Constant):
                yield from _executed((*node.body, *node.orelse))
        elif isinstance(node, ast.Try):
            yield from _executed((*node.body, *node.orelse, *node.finalbody))
        elif isinstance(node, ast.With):
            yield from _executed(node.body)
        else:
            yield node


def _is_other(node: _Function) -> bool:
    """Whether a decorator makes something else of a function."""
    names = (ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list)
    return any(_NO_TEST.search(name) for name in names)


def _is_case(node: ast.ClassDef) -> bool:
    """Whether a class says that it is a case of unittest."""
    return any(ast.unparse(base).endswith("TestCase") for base in node.bases)


def _taken(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of the scope gives to something that is not made from what had them."""
    if isinstance(node, _Function):
        if not _is_other(node):
            yield node.name
    elif isinstance(node, ast.ClassDef):
        if node.name not in _names(*node.bases):
            yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign):
        used = _names(node.value)
        yield from (t.id for t in node.targets if isinstance(t, ast.Name) and t.id not in used)


def _names(*nodes: ast.expr) -> set[str]:
    """Return every plain name in expressions."""
    return {inner.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def uncollected(defined: Iterable[Definition], journal: JournalFacts) -> tuple[Uncollected, ...]:
    """Return the definitions that pytest never made a test of.

    Args:
        defined: what the files of the lane define.
        journal: what was collected; nothing at all, and files that failed or skipped themselves, are told already.
    """
    if not journal.collected:
        return ()
    defined = list(defined)
    own = {definition.nodeid for definition in defined}
    collected = _Collected((*journal.collected, *journal.left))
    # A method of a base class is run in the classes that inherit it, which do not define it.
    inherited = {_name(nodeid) for nodeid in collected.bare if "::" in _tail(nodeid) and nodeid not in own}
    known = _known(journal)
    result = []
    for definition in defined:
        nodeid = definition.nodeid
        if any(not other or f"{nodeid}::".startswith((f"{other}::", f"{other}/")) for other in known):
            continue
        if definition.hidden_by:
            why = f"is hidden by line {definition.hidden_by}, which gives its name to something else"
        elif collected.has(nodeid) or ("::" in _tail(nodeid) and _name(nodeid) in inherited):
            continue
        else:
            why = "is defined and was never collected"
        result.append(Uncollected(nodeid=nodeid, why=why, path=nodeid.partition("::")[0], line=definition.line))
    return tuple(result)


def _known(journal: JournalFacts) -> list[str]:
    """Return the files, folders and classes of which the journal says that they failed or skipped themselves whole."""
    collected = {*journal.collected, *journal.left}
    known = [test.nodeid for test in journal.collect_errors]
    return known + [test.nodeid for test in journal.outcomes if test.nodeid not in collected]


class _Collected:
    """Collected tests without their parameters.

    Pytest's names are relative to its root, which need not be the project: two paths are the same when one ends in the
    other.
    """

    def __init__(self, nodeids: Iterable[str]) -> None:
        self.bare = {_bare(nodeid) for nodeid in nodeids}
        self._paths: dict[tuple[str, str], set[str]] = {}
        for nodeid in self.bare:
            path = nodeid.partition("::")[0]
            self._paths.setdefault((path.rpartition("/")[2], _tail(nodeid)), set()).add(path)

    def has(self, nodeid: str) -> bool:
        """Return whether a definition was collected."""
        if nodeid in self.bare:
            return True
        path = nodeid.partition("::")[0]
        others = self._paths.get((path.rpartition("/")[2], _tail(nodeid)), ())
        return any(path.endswith(f"/{other}") or other.endswith(f"/{path}") for other in others)


def _bare(nodeid: str) -> str:
    """Return a node id without parameters."""
    path, colons, tail = nodeid.partition("::")
    return path + colons + tail.partition("[")[0]


def _tail(nodeid: str) -> str:
    return nodeid.partition("::")[2]


def _name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2]
