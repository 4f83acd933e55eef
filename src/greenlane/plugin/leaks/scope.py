"""What the names in a function stood for, as far as its source and its modules tell; no code is run to find out."""

from __future__ import annotations

import ast
import builtins
import logging
import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from greenlane.plugin.leaks.effects import Function, last_name, text_of
from greenlane.plugin.leaks.plain import class_mro, class_values, is_class, is_module, module_values

UNKNOWN = object()
"""Nobody can tell without running the code."""

STEPS = 8
"""How many assignments are followed."""


class Scope:
    """The names of one function.

    Args:
        function: the object; node: its definition.
        given: values of its arguments, as far as they are known.
    """

    def __init__(self, function: FunctionType, node: Function, given: Mapping[str, Any]) -> None:
        self._function = function
        self._given = given
        self._locals = _bindings(node)
        self.arguments = {one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}

    @property
    def values(self) -> dict[str, Any]:
        """The attributes of the module that the function was written in."""
        return self._function.__globals__

    def resolve(self, node: ast.AST | None, steps: int = STEPS) -> Any:
        """Return what an expression stands for, or `UNKNOWN`."""
        if steps == 0 or node is None:
            return UNKNOWN
        if isinstance(node, ast.Name):
            return self._name(node.id, steps)
        if isinstance(node, ast.Attribute):
            return _attribute(self.resolve(node.value, steps - 1), node.attr)
        if isinstance(node, ast.Subscript):
            return _item(self.resolve(node.value, steps - 1), node.slice)
        if isinstance(node, ast.Call):
            return self._call(node, steps)
        return UNKNOWN

    def _name(self, name: str, steps: int) -> Any:
        if name in self._locals:
            bound = self._locals[name]
            return _imported(bound) if isinstance(bound, tuple) else self.resolve(bound, steps - 1)
        if name in self.arguments:
            return self._given.get(name, UNKNOWN)
        free = self._function.__code__.co_freevars
        if name in free and self._function.__closure__ is not None:
            try:
                return self._function.__closure__[free.index(name)].cell_contents
            except ValueError:
                return UNKNOWN
        return self._function.__globals__.get(name, vars(builtins).get(name, UNKNOWN))

    def _call(self, node: ast.Call, steps: int) -> Any:
        """Return what a few well-known look-ups give: of a logger, a module, a namespace."""
        name = last_name(node.func)
        text = text_of(node.args[0]) if node.args else ""
        if name == "getLogger":
            return (
                logging.root.manager.loggerDict.get(text, UNKNOWN) if text else UNKNOWN if node.args else logging.root
            )
        if name == "import_module" and text:
            return sys.modules.get(text, UNKNOWN)
        if name == "__import__" and text:
            return _imported((text, ""))
        if name == "globals" and not node.args:
            return self.values
        if name == "vars" and len(node.args) == 1:
            return _attribute(self.resolve(node.args[0], steps - 1), "__dict__")
        return UNKNOWN


def _bindings(node: Function) -> dict[str, ast.expr | tuple[str, str] | None]:
    """Return what each local name is bound to: an expression, a module and a name in it, or None for several things."""
    found: dict[str, ast.expr | tuple[str, str] | None] = {}
    elsewhere = {name for one in ast.walk(node) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names}

    def bind(name: str, value: ast.expr | tuple[str, str] | None) -> None:
        if name not in elsewhere:
            found[name] = value if name not in found else None

    for one in ast.walk(node):
        if isinstance(one, ast.Import):
            for alias in one.names:
                bind(
                    alias.asname or alias.name.partition(".")[0],
                    (alias.name if alias.asname else alias.name.partition(".")[0], ""),
                )
        elif isinstance(one, ast.ImportFrom) and not one.level:
            for alias in one.names:
                bind(alias.asname or alias.name, (one.module or "", alias.name))
        elif isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
            bind(one.targets[0].id, one.value)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            found.setdefault(one.id, None) if one.id not in elsewhere else None
    return found


def _imported(bound: tuple[str, str]) -> Any:
    """Return a module, an attribute of one, or what a dotted path leads to through modules and classes."""
    path, name = bound
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        value: Any = sys.modules.get(".".join(parts[:end]), UNKNOWN)
        if value is not UNKNOWN:
            for part in (*parts[end:], *([name] if name else [])):
                value = _attribute(value, part)
            if value is UNKNOWN and name:
                return sys.modules.get(f"{path}.{name}", UNKNOWN)
            return value
    return UNKNOWN


def _attribute(value: Any, name: str) -> Any:
    """Return an attribute of a module or class without asking either."""
    if value is UNKNOWN:
        return UNKNOWN
    if is_module(value):
        values = module_values(value)
        return values if name == "__dict__" else values.get(name, UNKNOWN)
    if type(value) in (logging.Logger, logging.RootLogger):
        return vars(value).get(name, UNKNOWN)
    if is_class(value):
        for owner in class_mro(value):
            values = class_values(owner)
            if name in values:
                return values[name]
    return UNKNOWN


def _item(value: Any, key: ast.expr) -> Any:
    """Return an item of a plain container by a key that is written down."""
    if not isinstance(key, ast.Constant) or type(key.value) not in (str, int):
        return UNKNOWN
    try:
        if type(value) is dict:
            return value.get(key.value, UNKNOWN)
        if type(value) in (list, tuple) and type(key.value) is int:
            return value[key.value]
    except Exception:  # noqa: BLE001 - a key of the user's may compare in any way
        return UNKNOWN
    return UNKNOWN
