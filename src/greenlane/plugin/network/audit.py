"""Hears what Python does (audit events, PEP 578) and finds the line of the user's code that made it happen."""

from __future__ import annotations

import enum
import os
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import FrameType
from typing import Any

Hearer = Callable[..., None]

TEST_FILES = ("conftest.py", "test_*.py", "*_test.py")
"""Names of files that are tests wherever they lie."""

TEST_FOLDERS = ("tests", "test", "testing")
"""Folders at the top of a project that hold tests and what helps them; `tests` does so anywhere."""

TOOLS = ("_pytest", "pluggy", "pytest_mock", "mock")
"""Packages through which a test acts: what they do is the doing of the line that called them."""

IMPORT = "<frozen importlib._bootstrap>"


class AuditEvents:
    """The one audit hook of this process. It cannot be taken out, so closing it makes it deaf."""

    def __init__(self) -> None:
        self._hearers: dict[str, tuple[Hearer, ...]] = {}
        self._open = False

    def on(self, event: str, hearer: Hearer) -> None:
        """Call a function with the arguments of every event of this name; what it raises stops the operation."""
        self._hearers[event] = (*self._hearers.get(event, ()), hearer)

    def open(self) -> None:
        """Begin to listen; a second call does nothing."""
        if self._open:
            return
        self._open = True
        find = self._hearers.get

        def hear(event: str, args: tuple[Any, ...]) -> None:
            # Every import, open and compile of the process comes through here: one look-up, nothing more.
            hearers = find(event)
            if hearers is not None:
                for hearer in hearers:
                    hearer(*args)

        sys.addaudithook(hear)

    def close(self) -> None:
        """Hear nothing from now on."""
        self._hearers.clear()


class Side(enum.Enum):
    """Whose code a file is: the tests', the project's own otherwise, a library's, or a tool's that acts for others."""

    TEST = "test"
    PRODUCT = "product"
    LIBRARY = "library"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Site:
    """Where something was done.

    Attributes:
        where: `file:line` of the nearest line of the project that made it happen; empty for none.
        side: whose code did it, tools left out; None when nobody's is on the stack.
        importing: whether an import did it, and not the tests themselves.
    """

    where: str
    side: Side | None
    importing: bool


class CallSites:
    """Finds the user's line on the call stack.

    It makes no system call when it is asked: it may be asked from a running event loop.

    Args:
        project: absolute path of the project; lines in it are preferred and shown relative to it.
        tests: files and folders of the lane, relative to the project.
    """

    def __init__(self, project: str, tests: Iterable[str] = ()) -> None:
        given, real = os.path.abspath(project), os.path.realpath(project)
        self._projects = tuple(os.path.join(root, "") for root in dict.fromkeys((real, given)))
        named = (os.path.normpath(path.partition("::")[0]) for path in tests)
        # A lane of tests that lie among the code they test does not make that code tests.
        self._tests = tuple(path for path in named if path.split(os.sep)[0] not in (".", "src"))
        paths = sysconfig.get_paths()
        sites = [os.path.join(paths[name], "") for name in ("purelib", "platlib")]
        own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._own = (os.path.join(own, ""), "<")
        self._tools = tuple(f"{site}{tool}{os.sep}" for site in sites for tool in TOOLS)
        self._sites = (*sites,)
        self._library = (os.path.join(paths["stdlib"], ""), os.path.join(paths["platstdlib"], ""))
        self._temporary = os.path.join(os.path.realpath(tempfile.gettempdir()), "")
        self._cache: dict[str, tuple[Side, str]] = {}

    def here(self, depth: int = 2) -> str:
        """Return `file:line` of the nearest caller in the project, else outside the libraries; empty for none.

        Args:
            depth: frames to leave out, 1 being the caller of this function.
        """
        return self.site(depth + 1).where

    def site(self, depth: int = 2) -> Site:
        """Return where the caller is, and whose code it is that acts.

        Args:
            depth: frames to leave out, 1 being the caller of this function.
        """
        frame: FrameType | None = sys._getframe(depth)
        side: Side | None = None
        where = fallback = ""
        importing = False
        while frame is not None:
            path = frame.f_code.co_filename
            found, shown = self._known(path)
            importing = importing or path == IMPORT
            if found is not Side.TOOL:
                side = side or found
                if shown:
                    if found is not Side.LIBRARY:
                        where = where or f"{shown}:{frame.f_lineno}"
                    fallback = fallback or f"{shown}:{frame.f_lineno}"
                if found is Side.TEST:
                    break
            frame = frame.f_back
        return Site(where or fallback, side, importing and side is not Side.TEST)

    def relative(self, path: str) -> str:
        """Return a path relative to the project where it is in it."""
        for project in self._projects:
            if path.startswith(project):
                return path[len(project) :]
        return path

    def mine(self, path: str) -> bool:
        """Whether a file is the user's: in the project and not in an environment inside it."""
        return self._inside(path) is not None

    def side(self, path: str) -> Side:
        """Return whose code a file is."""
        return self._known(path)[0]

    def _known(self, path: str) -> tuple[Side, str]:
        """Return whose a file is, and how it is shown: empty for the libraries and greenlane itself."""
        known = self._cache.get(path)
        if known is None:
            known = self._cache[path] = self._place(path)
        return known

    def _inside(self, path: str) -> str | None:
        """Return a file's path in the project; None for a file that is not in it."""
        if path.startswith((*self._own, *self._sites)) or "/site-packages/" in path:
            return None
        relative = self.relative(path)
        return relative if relative != path or not os.path.isabs(path) else None

    def _place(self, path: str) -> tuple[Side, str]:
        relative = self._inside(path)
        if relative is not None:
            return (Side.TEST if self._is_test(relative) else Side.PRODUCT), relative
        if path.startswith((*self._own, *self._tools)):
            return Side.TOOL, ""
        if path.startswith(self._sites) or "/site-packages/" in path:
            return Side.LIBRARY, ""
        if path.startswith(self._library):
            return Side.TOOL, ""
        # Code that a test wrote, in a temporary folder, is the test's.
        return (Side.TEST if path.startswith(self._temporary) else Side.LIBRARY), path

    def _is_test(self, relative: str) -> bool:
        """Whether a file of the project is a test, or stands beside tests to help them."""
        *folders, name = relative.split(os.sep)
        if any(fnmatchcase(name, pattern) for pattern in TEST_FILES) or "tests" in folders:
            return True
        if folders and folders[0] in TEST_FOLDERS:
            return True
        return any(relative == test or relative.startswith(f"{test}{os.sep}") for test in self._tests)
