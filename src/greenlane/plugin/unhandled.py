"""Hears what goes wrong where no test can catch it, whatever the warning filters of the project say.

That is an exception of a thread or of a finalizer, and a coroutine that nobody awaited. What was heard is kept, and
written when no other line of the journal is being written: a finalizer runs in the middle of anything.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import pytest

from greenlane.evidence.contract import Contract
from greenlane.evidence.journal import Unhandled
from greenlane.plugin.journal import Journal
from greenlane.plugin.network.audit import AuditEvents, CallSites
from greenlane.plugin.reports import first_line

YOUNG = 1
"""The generation of the garbage collector up to which it is asked after each test: what one test made, in general."""

_NEVER_AWAITED = "_warn_unawaited_coroutine"
"""What the interpreter calls in `warnings`, before any filter, for a coroutine that ends without having begun."""


class Heard(msgspec.Struct, frozen=True):
    """One thing that went wrong: the test that caused it, what happened, and `file:line` of the project."""

    nodeid: str
    what: str
    where: str


class UnhandledWatch:
    """Listens in one pytest process, from the first test to the end of the session.

    Whoever stands in the way of our hooks when a test begins is stood before in turn: a test that puts a hook of its
    own there while it runs handles what it provokes, a fixture that does so for all tests hides it.
    """

    def __init__(self, contract: Contract, journal: Journal) -> None:
        self._journal = journal
        self._sites = CallSites(contract.project, contract.tests)
        self._events = AuditEvents()
        self._process = os.getpid()
        self._nodeid = ""
        self._excused: set[str] = set()
        self._starters: WeakKeyDictionary[threading.Thread, str] = WeakKeyDictionary()
        self._heard: deque[Heard] = deque()
        self._unraisable: object = None
        self._recording: object = None
        self._undo: list[Callable[[], None]] = []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Begin to listen, after pytest's own plugins have set their hooks."""
        self._events.on("sys.unraisablehook", self._finalizer)
        self._events.open()
        self._claim("")
        original = getattr(warnings, _NEVER_AWAITED, None)
        if original is not None:

            @functools.wraps(original)
            def tell(coroutine: Any) -> None:
                self._coroutine(coroutine)
                original(coroutine)

            setattr(warnings, _NEVER_AWAITED, tell)
            self._undo.append(lambda: setattr(warnings, _NEVER_AWAITED, original))
        self._stand_before()

    def close(self) -> None:
        """Listen no more."""
        self._events.close()
        while self._undo:
            self._undo.pop()()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let a test answer for what is heard, until its fixtures and what it made are gone."""
        self._nodeid = item.nodeid
        mark = item.get_closest_marker("leaks")
        if mark is not None and str((*mark.args, mark.kwargs.get("reason", ""))[0]).strip():
            self._excused.add(item.nodeid)
        try:
            return (yield)
        finally:
            self._recording = _recorder()
            gc.collect(YOUNG)
            self._claim(item.nodeid)
            self._write()
            self._nodeid = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """Look who records warnings and exceptions now, in pytest's own place."""
        self._stand_before()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Know the threads that are begun for more than one test: whichever uses them when they fail is to answer."""
        if fixturedef.scope == "function":
            return (yield)
        self._claim(self._nodeid)
        try:
            return (yield)
        finally:
            self._claim("")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Hear what is left of all tests, and write it."""
        self._recording = _recorder()
        gc.collect()
        self._write()
        self.close()

    def cause(self, nodeid: str) -> str:
        """Return the first line of what has been heard of a test so far; empty for nothing that makes it red."""
        if nodeid in self._excused:
            return ""
        return next((_line(heard) for heard in tuple(self._heard) if heard.nodeid == nodeid), "")

    def _write(self) -> None:
        while self._heard:
            heard = self._heard.popleft()
            self._journal.write(
                Unhandled,
                nodeid=heard.nodeid,
                what=heard.what,
                where=heard.where,
                excused=heard.nodeid in self._excused,
            )

    def _stand_before(self) -> None:
        """Put our hook for threads before whatever is there, and note who else listens."""
        self._unraisable, self._recording = sys.unraisablehook, _recorder()
        found = threading.excepthook
        if getattr(found, "hears_for", None) is self:
            return

        @functools.wraps(found)
        def hook(args: Any, /) -> object:
            self._thread(args)
            return found(args)

        hook.hears_for = self  # type: ignore[attr-defined]
        threading.excepthook = hook
        self._undo.append(lambda: setattr(threading, "excepthook", found))

    def _claim(self, nodeid: str) -> None:
        """Let a test answer for the threads that have come; not every Python tells when one begins."""
        for thread in threading.enumerate():
            self._starters.setdefault(thread, nodeid)

    def _thread(self, args: Any) -> None:
        if issubclass(args.exc_type, SystemExit):
            return
        name = args.thread.name if args.thread is not None else "unknown"
        nodeid = self._starters.get(args.thread, "") if args.thread is not None else ""
        self._note(f"{_words(args.exc_type, args.exc_value)} in thread {name}", args.exc_traceback, nodeid)

    def _finalizer(self, hook: object, unraisable: Any) -> None:
        # A warning is an exception only where the project's filters say so, and red by pytest then.
        if issubclass(unraisable.exc_type, Warning) or hook is not self._unraisable:
            return
        name = getattr(unraisable.object, "__qualname__", "") or type(unraisable.object).__qualname__
        what = f"{_words(unraisable.exc_type, unraisable.exc_value)} in finalizer {name}"
        self._note(what, unraisable.exc_traceback)

    def _coroutine(self, coroutine: Any) -> None:
        if _recorder() is not self._recording:
            return  # the test records warnings, and looks at them
        code = coroutine.cr_code
        self._note(
            f"coroutine {coroutine.__qualname__} was never awaited", None,
            where=f"{self._sites.relative(code.co_filename)}:{code.co_firstlineno}",
        )  # fmt: skip

    def _note(self, what: str, trace: TracebackType | None, nodeid: str = "", where: str = "") -> None:
        """Keep what was heard, as text: what it is about must not live longer because of us."""
        if os.getpid() == self._process:
            self._heard.append(Heard(nodeid or self._nodeid, what, where or self._line_of(trace)))

    def _line_of(self, trace: TracebackType | None) -> str:
        """Return the innermost line of the project in a traceback; empty for none."""
        where = ""
        while trace is not None:
            path = trace.tb_frame.f_code.co_filename
            if self._sites.mine(path):
                where = f"{self._sites.relative(path)}:{trace.tb_lineno}"
            trace = trace.tb_next
        return where


def _recorder() -> object:
    """Return who is told of warnings at this moment."""
    return getattr(warnings, "_showwarnmsg_impl", None)


def _words(kind: type[BaseException], value: BaseException | None) -> str:
    """Return an exception as one line, whatever its text does."""
    try:
        return first_line(f"{kind.__name__}: {value}")
    except Exception:  # noqa: BLE001  the text of a foreign exception, in a hook that must not raise
        return kind.__name__


def _line(heard: Heard) -> str:
    return f"UNHANDLED {heard.what}{f' at {heard.where}' if heard.where else ''}"
