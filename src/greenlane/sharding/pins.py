"""Which tests their files pin to a shard, read from their text, so that a plan can count their work."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator


def pins_in(path: str, source: bytes) -> dict[str, str]:
    """Return the shard by function (`file::name`), class (`file::Class`) or file that carries a mark with a plain name.

    A mark that is put together at run time is not seen here; the lane, which sees every mark, keeps to it all the same.

    Args:
        path: of the file, relative to the project, with slashes.
        source: its content; one that is no Python pins nothing.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    return dict(_of_scope(path, tree.body))


def _of_scope(prefix: str, body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}::{node.name}"
            yield from ((name, shard) for shard in map(_shard, node.decorator_list) if shard)
            if isinstance(node, ast.ClassDef):
                yield from _of_scope(name, node.body)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from ((prefix, shard) for shard in map(_shard, marks) if shard)


def _shard(mark: ast.expr) -> str:
    """Return the name in `pytest.mark.shard("name")`; empty for anything else."""
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("mark.shard") and mark.args):
        return ""
    name = mark.args[0]
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""
