"""Who made a value: the tests, or somebody else. Told from where its code or its class was written."""

from __future__ import annotations

import sys
from collections import OrderedDict, defaultdict, deque
from itertools import islice
from types import FunctionType, MethodType
from typing import Any

from greenlane.plugin.leaks.plain import class_module, class_values, code_of, is_class, is_module, module_text
from greenlane.plugin.network.audit import CallSites, Side

MOCKS = ("unittest.mock", "mock", "mock.mock")
"""Modules whose objects only tests use."""

LOOKED_AT = 200
"""Items of a container that are looked at, at most."""


class Makers:
    """Tells who made values.

    Args:
        sites: tells whose code a file is.
    """

    def __init__(self, sites: CallSites) -> None:
        self._sites = sites

    def by_test(self, value: Any, depth: int = 1) -> bool:
        """Whether a value was made in test code: a function, class, instance or mock of theirs, or a list of such.

        Args:
            depth: how deep to look into containers.
        """
        if _is_mock(value):
            return True
        if depth and type(value) in (list, tuple, set, frozenset, deque):
            return any(self.by_test(item, depth - 1) for item in islice(tuple(value), LOOKED_AT))
        if depth and type(value) in (dict, OrderedDict, defaultdict):
            return any(self.by_test(item, depth - 1) for item in islice(tuple(value.values()), LOOKED_AT))
        return self._side(value) is Side.TEST

    def by_others(self, value: Any) -> bool:
        """Whether a value is a function, class or module that was written elsewhere than in a test."""
        written = code_of(value) is not None or is_class(value) or is_module(value) or _is_builtin(value)
        return written and self._side(value) is not Side.TEST

    def _side(self, value: Any) -> Side | None:
        code = code_of(value)
        if code is not None:
            if type(value) is MethodType and self._side_of_class(type(value.__self__)) is Side.TEST:
                return Side.TEST
            return self._sites.side(code.co_filename)
        if is_module(value):
            return self._sites.side(module_text(value, "__file__") or "<unknown>")
        return self._side_of_class(value if is_class(value) else type(value))

    def _side_of_class(self, owner: type) -> Side | None:
        """Return whose class it is: by its module, else by the first method that it has; None where neither tells."""
        name = class_module(owner)
        if name in MOCKS:
            return Side.TEST
        module = sys.modules.get(name)
        path = module_text(module, "__file__") if is_module(module) else ""
        if path:
            return self._sites.side(path)
        for value in tuple(class_values(owner).values()):
            code = code_of(value)
            if code is not None:
                return self._sites.side(code.co_filename)
        return None


def _is_mock(value: Any) -> bool:
    """Whether a value is a mock, or a function that `create_autospec` made."""
    if class_module(type(value)) in MOCKS:
        return True
    return type(value) is FunctionType and class_module(type(value.__dict__.get("mock"))) in MOCKS


def _is_builtin(value: Any) -> bool:
    """Whether a value is a function or method that C code defines."""
    return type(value) in (type(len), type(str.join), type(object.__init__), type(object().__str__))
