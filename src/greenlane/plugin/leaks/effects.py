"""What the lines of a function do to state, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

MUTATORS = frozenset(
    {
        "append", "extend", "insert", "remove", "pop", "popitem", "clear", "update", "setdefault", "add", "discard",
        "sort", "reverse", "appendleft", "popleft", "extendleft", "rotate", "move_to_end", "subtract",
        "difference_update", "intersection_update", "symmetric_difference_update", "__setitem__", "__delitem__",
    }
)  # fmt: skip
"""Methods that change a container in place."""

SETTERS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__", "setitem", "delitem"})
"""Functions that change the attribute or item of their first argument that their second one names."""

PATCHES = frozenset({"patch", "object", "dict", "multiple"})
"""Ways of `unittest.mock.patch`, which last where they are started, and undo themselves in a `with` or a decorator."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One line that may change state.

    Attributes:
        form: `attribute` (`base.name = …`), `item` (`base[name] = …`), `name` (a global name), `method` (a container's
            `base.name(…)`), `setter` (`setattr(base, name)` and the like) or `call` (`name(…)`).
        name: the attribute, key, variable, method or function, as far as it is written down; empty otherwise.
        base: what is changed; None where it is the module itself, or the function called is a plain name.
        call: the call, where it is one.
        line: its number.
        always: whether it runs whenever the function runs to its end.
    """

    form: str
    name: str
    base: ast.expr | None
    call: ast.Call | None
    line: int
    always: bool


Function = ast.FunctionDef | ast.AsyncFunctionDef


def effects_of(function: Function) -> tuple[Effect, ...]:
    """Return what a function, and those written in it, may change."""
    always = _always(function)
    undone = _undone(function)
    names = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    found: list[Effect] = []
    for node in ast.walk(function):
        certain = id(node) in always
        if isinstance(node, ast.Call):
            if id(node) not in undone:
                found.extend(_of_call(node, certain))
        else:
            for target in _targets(node):
                found.extend(_of_target(target, names, certain))
    return tuple(found)


def functions_in(tree: ast.AST) -> Iterator[Function]:
    """Yield every function that is defined anywhere in a tree."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def last_name(node: ast.AST | None) -> str:
    """Return the last part of a dotted name; of `a.b[c]` too."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.AST) -> str:
    """Return a text that is written down; empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _always(function: Function) -> set[int]:
    """Return the statements, and calls that are one, which run whenever the function runs to its end."""
    found: set[int] = set()
    for statement in function.body:
        found.add(id(statement))
        if isinstance(statement, ast.Expr):
            value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            # `threading.Timer(…).start()`: both calls.
            while isinstance(value, ast.Call):
                found.add(id(value))
                value = value.func.value if isinstance(value.func, ast.Attribute) else value.func
        if any(isinstance(node, ast.Return) for node in ast.walk(statement)):
            break
    return found


def _undone(function: Function) -> set[int]:
    """Return the calls whose effect ends by itself: in a `with`, in a decorator."""
    found: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.With | ast.AsyncWith):
            found.update(id(item.context_expr) for item in node.items)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.update(map(id, node.decorator_list))
    return found


def _targets(node: ast.AST) -> list[ast.expr]:
    """Return what a statement assigns or deletes, tuples taken apart."""
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor | ast.AnnAssign):
        # An annotation without a value assigns nothing.
        targets = [node.target] if getattr(node, "value", node) is not None else []
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        targets = [node.optional_vars]
    else:
        return []
    flat: list[ast.expr] = []
    for target in targets:
        flat.extend(target.elts if isinstance(target, ast.Tuple | ast.List) else [target])
    return [target.value if isinstance(target, ast.Starred) else target for target in flat]


def _of_target(target: ast.expr, names: set[str], certain: bool) -> Iterator[Effect]:
    if isinstance(target, ast.Attribute):
        yield Effect("attribute", target.attr, target.value, None, target.lineno, certain)
    elif isinstance(target, ast.Subscript):
        yield Effect("item", text_of(target.slice), target.value, None, target.lineno, certain)
    elif isinstance(target, ast.Name) and target.id in names:
        yield Effect("name", target.id, None, None, target.lineno, certain)


def _of_call(call: ast.Call, certain: bool) -> Iterator[Effect]:
    name = last_name(call.func)
    base = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name in MUTATORS and base is not None:
        key = text_of(call.args[0]) if call.args else ""
        yield Effect("method", key, base, call, call.lineno, certain)
    if (name in SETTERS or name in PATCHES) and call.args:
        yield _setter(call)
    yield Effect("call", name, base, call, call.lineno, certain)


def _setter(call: ast.Call) -> Effect:
    """Return what `setattr(base, "name", …)` or `patch("base.name")` changes."""
    first = call.args[0]
    certain = False
    text = text_of(first)
    if text:
        path, _, name = text.rpartition(".")
        return Effect("setter", name, _dotted(path), call, call.lineno, certain)
    second = text_of(call.args[1]) if len(call.args) > 1 else ""
    return Effect("setter", second, first, call, call.lineno, certain)


def _dotted(path: str) -> ast.expr:
    """Return a dotted path as the expression that imports it."""
    return ast.Call(ast.Name("__import__"), [ast.Constant(path)], [])
