"""Looks at objects without running any code of theirs.

Whatever a module holds comes by here: proxies that answer every attribute, classes whose `__class__`, `__eq__`,
`__hash__` or `__getattr__` lie or raise. What is asked here is asked of CPython's own types, past all of that.
"""

from __future__ import annotations

import reprlib
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

_module_dict = vars(ModuleType)["__dict__"]
_class_dict = vars(type)["__dict__"]
_class_name = vars(type)["__name__"]
_class_module = vars(type)["__module__"]
_class_mro = vars(type)["__mro__"]


def is_a(value: object, kind: type | tuple[type, ...]) -> bool:
    """Whether the real type of a value is one of these, or made from it; `isinstance` believes `__class__`."""
    mro = _class_mro.__get__(type(value))
    return any(one in mro for one in (kind if type(kind) is tuple else (kind,)))


def is_class(value: object) -> TypeGuard[type]:
    """Whether a value is a class."""
    return type(value) is type or is_a(value, type)


def is_module(value: object) -> TypeGuard[ModuleType]:
    """Whether a value is a module."""
    return type(value) is ModuleType or is_a(value, ModuleType)


def module_values(module: ModuleType) -> dict[str, Any]:
    """Return the attributes of a module, live."""
    values: dict[str, Any] = _module_dict.__get__(module)
    return values


def module_text(module: ModuleType, name: str) -> str:
    """Return a text that a module has as an attribute; empty for none."""
    value = module_values(module).get(name)
    return value if type(value) is str else ""


def class_values(owner: type) -> Any:
    """Return a read-only view of the attributes of a class."""
    return _class_dict.__get__(owner)


def class_name(owner: type) -> str:
    """Return the name of a class."""
    return str(_class_name.__get__(owner))


def class_module(owner: type) -> str:
    """Return the name of the module that a class says it was defined in; empty where it says nothing."""
    try:
        module = _class_module.__get__(owner)
    except AttributeError:
        return ""
    return module if type(module) is str else ""


def class_mro(owner: type) -> tuple[type, ...]:
    """Return a class and those that it is made from."""
    mro: tuple[type, ...] = _class_mro.__get__(owner)
    return mro


def function_of(value: Any) -> FunctionType | None:
    """Return the plain function in a function, method, partial or class attribute; None where there is none."""
    for _ in range(8):
        kind = type(value)
        if kind is FunctionType:
            inner = value.__dict__.get("__wrapped__")
            if inner is None or type(inner) not in (FunctionType, MethodType, partial):
                return value  # type: ignore[no-any-return]
            value = inner
        elif kind in (MethodType, staticmethod, classmethod):
            value = value.__func__
        elif kind is partial:
            value = value.func
        elif kind is property:
            value = value.fget
        else:
            return None
    return None


def code_of(value: Any) -> CodeType | None:
    """Return the code that a function, method, partial or class attribute runs itself; None where there is none."""
    for _ in range(8):
        kind = type(value)
        if kind is CodeType:
            return value  # type: ignore[no-any-return]
        if kind is FunctionType:
            return value.__code__  # type: ignore[no-any-return]
        if kind in (MethodType, staticmethod, classmethod):
            value = value.__func__
        elif kind is partial:
            value = value.func
        elif kind is property:
            value = value.fget
        else:
            return None
    return None


class _Short(reprlib.Repr):
    """A `repr` in one short line."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 100
        self.maxlong = 60


_short = _Short()


def short(value: object) -> str:
    """Return the `repr` of a value, shortened; one that fails is told in its place."""
    try:
        text = _short.repr(value)
    except Exception as error:  # noqa: BLE001 - any code of the user may run in a repr
        return f"<{class_name(type(value))} whose repr raised {class_name(type(error))}>"
    return text if type(text) is str else f"<{class_name(type(value))} whose repr is no text>"
