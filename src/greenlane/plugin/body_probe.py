"""Sees for itself what the body of a test does, however hooks between it and the report tell it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, TypeGuard

import pytest

from greenlane.evidence.outcome import Outcome
from greenlane.plugin.reports import Truth, first_line

NOT_CALLED = "a hook reported this test as run, but its body was never called"
REPLACED = "the function of this test was replaced after it was collected"


class BodyProbe:
    """Stands between pytest and one test function after the other.

    A hook closer to the body than any of ours can swallow what it raises, or say that it was called; the body itself
    cannot be passed by. Functions that a plugin must recognise (coroutines) or that are run in another way
    (`unittest`, files that are tests) are left alone.
    """

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}
        self._watching = False
        self._replaced = False
        self._entered = False
        self._raised: BaseException | None = None
        self._returned: object = None

    def remember(self, item: pytest.Item) -> None:
        """Note the function of a test as it was collected."""
        code = _code(item.obj) if _plain(item) else None
        if code is not None:
            self._codes[item.nodeid] = code

    @contextmanager
    def watch(self, item: pytest.Item) -> Iterator[None]:
        """Watch the body of a test while it may run."""
        self._entered = self._replaced = False
        self._raised = self._returned = None
        self._watching = False
        if not _plain(item) or _awaited(item.obj):
            yield
            return
        self._watching = True
        function = item.obj
        code = self._codes.get(item.nodeid)
        self._replaced = code is not None and not _leads_to(function, code)
        item.obj = self._standing_before(function)
        try:
            yield
        finally:
            item.obj = function

    def _standing_before(self, function: Any) -> Any:
        """Return a function that calls another and remembers how that went."""

        @functools.wraps(function)
        def seen(*args: Any, **kwargs: Any) -> object:
            __tracebackhide__ = True
            self._entered = True
            try:
                self._returned = function(*args, **kwargs)
            except BaseException as error:
                self._raised = error
                raise
            return self._returned

        return seen

    def error(self) -> BaseException | None:
        """Return what the body raised; None when it did not, or was not watched."""
        return self._raised if self._watching else None

    def truth(self) -> Truth | None:
        """Return what is wrong with a body that raised nothing; None for nothing."""
        if not self._watching or self._raised is not None:
            return None
        if not self._entered:
            return Outcome.FAILED, NOT_CALLED
        if self._replaced:
            return Outcome.FAILED, REPLACED
        value, self._returned = self._returned, None
        # A plugin may wait for what a body returns: an awaitable, or a Deferred of Twisted.
        if value is None or hasattr(value, "__await__") or hasattr(value, "addCallbacks"):
            return None
        return Outcome.FAILED, f"the test returned {first_line(repr(value))[:80]} instead of asserting it"


def _plain(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Whether an item is a test function that pytest itself calls."""
    return isinstance(item, pytest.Function) and type(item).runtest is pytest.Function.runtest


def _awaited(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _code(function: Any) -> CodeType | None:
    """Return the code of a function or method; None for other callables."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _leads_to(function: Any, code: CodeType, depth: int = 5) -> bool:
    """Whether a function is the one with this code, or wraps it: by `__wrapped__`, a partial or a closure."""
    function = getattr(function, "__func__", function)
    own = _code(function)
    if own is code or depth == 0:
        return own is code
    inner = [getattr(function, "__wrapped__", None), getattr(function, "func", None)]
    inner += [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if _filled(cell)]
    return any(_leads_to(value, code, depth - 1) for value in inner if callable(value))


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
