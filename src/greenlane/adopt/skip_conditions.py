"""The conditions under which tests are skipped, as text: what a reason does not say, they do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from greenlane.sharding.assignment import file_of

_LACKING = re.compile(
    r"\b([A-Za-z_][\w-]*) (?:is |was )?(?:not |un)(?:available|found|usable)\b|\b(?:needs|requires) ([A-Za-z_][\w-]*)",
    re.IGNORECASE,
)
_IMPORTS = re.compile(r"^\s*(?:import|from)\s+([A-Za-z_]\w*)", re.MULTILINE)

MARKS = ("skipif", "skipIf", "skipUnless", "xfail")


def skip_conditions(root: Path, reasons: Mapping[str, str]) -> dict[str, str]:
    """Return the text of the conditions of each test, its class and its file, by node id; empty for none.

    Args:
        root: the project; reasons: what the skip of each test says, by node id, relative to the project. A condition
            with other words of its own is not what this one was skipped for.
    """
    trees: dict[str, tuple[str, ast.Module] | None] = {}
    found = {}
    for nodeid, reason in reasons.items():
        file = file_of(nodeid)
        if file not in trees:
            trees[file] = _parsed(root / file)
        parsed = trees[file]
        if parsed is not None:
            names = [part.split("[")[0] for part in nodeid.split("::")[1:]]
            conditions = _conditions(parsed[0], parsed[1], names)
            found[nodeid] = " ; ".join(text for text, words in conditions if words in ("", reason))
    return found


def _parsed(path: Path) -> tuple[str, ast.Module] | None:
    try:
        text = path.read_text(encoding="utf-8")
        return text, ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return None


def _conditions(text: str, tree: ast.Module, names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the conditions on the way to a test with their reasons, the innermost first.

    A name that stands for one is followed. The reason is empty where it is no plain text.
    """
    body: list[ast.stmt] = tree.body
    assigned = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    path: list[ast.AST] = []
    for name in names:
        kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        node = next((n for n in body if isinstance(n, kinds) and n.name == name), None)
        if node is None:
            break
        path.append(node)
        body = node.body
    for found in reversed(path):
        for decorator in getattr(found, "decorator_list", ()):
            yield from _of_decorator(text, decorator, assigned)
    if "pytestmark" in assigned:
        yield from _of_decorator(text, assigned["pytestmark"], assigned)


def _of_decorator(text: str, node: ast.expr, assigned: dict[str, ast.expr]) -> Iterator[tuple[str, str]]:
    """Yield the conditions that a decorator names, each with its reason."""
    if isinstance(node, ast.Name) and node.id in assigned:
        node = assigned[node.id]
    for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in MARKS and call.args:
            condition = call.args[0]
            if isinstance(condition, ast.UnaryOp):
                condition = condition.operand
            if isinstance(condition, ast.Name) and condition.id in assigned:
                condition = assigned[condition.id]
            condition_text = ast.get_source_segment(text, condition) or ""
            absent = re.fullmatch(r"(\w+)(?: is (?:not )?None)?", condition_text)
            # A module that is None where it could not be imported.
            optional = absent and re.search(rf"^[ \t]+import {absent[1]}$|^\s*{absent[1]} = None$", text, re.MULTILINE)
            said = f"could not import '{absent[1]}'" if absent and optional else condition_text
            yield said, next((_text(word.value) for word in call.keywords if word.arg == "reason"), "")


def _text(node: ast.expr) -> str:
    """Return text that stands there as it is; nothing for what is computed."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def imported_names(root: Path, reasons: Iterable[str]) -> dict[str, str]:
    """Return the condition behind `trio is not available` or `Needs Rich`, by reason, where it speaks of a module.

    It does where a file of the project imports what it names: of an address, or of a feature, none does.
    """
    named = {reason: _as_module(match[1] or match[2]) for reason in reasons if (match := _LACKING.search(reason))}
    wanted = set(named.values())
    imported: set[str] = set()
    for file in root.rglob("*.py") if wanted else ():
        if not any(part.startswith(".") for part in file.relative_to(root).parts):
            imported.update(_IMPORTS.findall(file.read_text(encoding="utf-8", errors="replace")))
    found = {_as_module(name): name for name in sorted(imported) if _as_module(name) in wanted}
    return {reason: f"could not import '{found[name]}'" for reason, name in named.items() if name in found}


def _as_module(name: str) -> str:
    """Return a name as people say it, `better-exceptions` or `Rich`, in the letters of a module."""
    return name.replace("-", "_").lower()


def kept_out(root: Path, nodeids: Iterable[str]) -> dict[str, str]:
    """Return the condition under which a conftest keeps pytest from collecting the file of a test, by node id.

    Args:
        root: the project; nodeids: tests that are defined and were not collected.
    """
    found = {}
    for nodeid in nodeids:
        file = root / file_of(nodeid)
        folders = [folder for folder in file.parents if folder.is_relative_to(root)]
        for parsed in (_parsed(folder / "conftest.py") for folder in folders):
            conditions = _naming(*parsed, file.name) if parsed is not None else ""
            if conditions:
                found[nodeid] = conditions
                break
    return found


def _naming(text: str, tree: ast.Module, name: str) -> str:
    """Return the condition of the block of a conftest that names a file; empty where none does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and any(
            isinstance(inner, ast.Constant) and isinstance(inner.value, str) and Path(inner.value).name == name
            for part in node.body for inner in ast.walk(part)
        ):  # fmt: skip
            condition_text = ast.get_source_segment(text, node.test) or ""
            # As people call the answer to a version: PY_3_14_PLUS, PY312.
            return re.sub(r"\w*PY(?:THON)?_?3_?(\d\d?)\w*", r"python 3.\1", condition_text)
    return ""
