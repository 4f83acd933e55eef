"""Hears what Python does (audit events, PEP 578) and finds the line of the user's code that made it happen."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

Hearer = Callable[..., None]


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


class CallSites:
    """Finds the user's line on the call stack.

    Args:
        project: absolute path of the project; lines in it are preferred and shown relative to it.
    """

    def __init__(self, project: str) -> None:
        self._project = os.path.join(os.path.realpath(project), "")
        own = str(Path(__file__).resolve().parents[2])
        paths = sysconfig.get_paths()
        self._tools = (
            os.path.join(own, ""),
            "<",
            os.path.join(paths["purelib"], ""),
            os.path.join(paths["platlib"], ""),
        )
        self._library = (os.path.join(paths["stdlib"], ""), *self._tools)
        self._cache: dict[str, str] = {}

    def here(self, depth: int = 2) -> str:
        """Return `file:line` of the nearest caller in the project, else outside the libraries; empty for none.

        Args:
            depth: frames to leave out, 1 being the caller of this function.
        """
        frame: FrameType | None = sys._getframe(depth)
        fallback = ""
        while frame is not None:
            shown = self._shown(frame.f_code.co_filename)
            if shown.startswith("./"):
                return f"{shown[2:]}:{frame.f_lineno}"
            if shown and not fallback:
                fallback = f"{shown}:{frame.f_lineno}"
            frame = frame.f_back
        return fallback

    def relative(self, path: str) -> str:
        """Return a path relative to the project where it is in it."""
        return path.removeprefix(self._project)

    def mine(self, path: str) -> bool:
        """Whether a file is the user's: in the project and not in an environment inside it."""
        return self._shown(path).startswith("./")

    def _shown(self, path: str) -> str:
        """Return a file as it is shown: `./…` in the project, empty for the libraries and greenlane itself."""
        known = self._cache.get(path)
        if known is None:
            known = self._cache[path] = self._place(path)
        return known

    def _place(self, path: str) -> str:
        if path.startswith(self._tools) or "/site-packages/" in path:
            return ""
        full = os.path.realpath(path)
        if full.startswith(self._project):
            return "./" + full[len(self._project) :]
        return "" if path.startswith(self._library) else path
