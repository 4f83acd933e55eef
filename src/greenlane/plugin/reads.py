"""Records which files of the project each test file reads or lists, for whoever watches and runs it again."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any

import pytest

from greenlane.evidence.journal import FilesRead
from greenlane.plugin.journal import Journal
from greenlane.plugin.network.audit import AuditEvents

PROCESSES = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.exec", "pty.spawn")
"""What begins another process, whose reading is not heard."""

WIDE = ("package", "session")
"""Scopes of fixtures that serve the tests of several files, and are set up for the first of them."""


class ReadRecorder:
    """Hears what is opened and listed, and tells it at the end by test file; what is nobody's is everybody's.

    Args:
        project: absolute path of the project.
    """

    def __init__(self, project: str, journal: Journal) -> None:
        self._inside = os.path.join(os.path.realpath(project), "")
        self._journal = journal
        self._file = ""
        self._paths: dict[str, set[str]] = {"": set()}
        self._starting: set[str] = set()
        self._wide = False
        self._events = AuditEvents()

    def start(self) -> None:
        """Begin to hear."""
        self._events.on("open", self._hear_open)
        for event in ("os.listdir", "os.scandir"):
            self._events.on(event, self._hear_listing)
        for event in PROCESSES:
            self._events.on(event, self._hear_process)
        self._events.open()

    def close(self) -> None:
        """Hear no more."""
        self._events.close()

    def _hear_open(self, path: object, _mode: object = None, flags: object = 0, *_rest: object) -> None:
        if not (isinstance(flags, int) and flags & os.O_WRONLY):
            self._note(path)

    def _hear_listing(self, path: object = ".", *_rest: object) -> None:
        # pytest and the import system list folders to find files; that is not what a test depends on.
        if (self._file or self._wide) and not sys._getframe(2).f_code.co_filename.startswith("<frozen importlib"):
            self._note("." if path is None else path, "/")

    def _hear_process(self, *_about: object) -> None:
        # What tools ask of the system beside tests and fixtures reads nothing of the project.
        if self._file or self._wide:
            self._starting.add(self._file)

    def _note(self, path: object, end: str = "") -> None:
        """Note a path of the project. It is called from anywhere: nothing here may raise or be heard again."""
        if isinstance(path, int):
            return
        try:
            whole = os.path.abspath(os.fsdecode(path))  # type: ignore[arg-type]  # whatever was given to open()
        except (TypeError, ValueError, OSError):
            return
        if (whole + end).startswith(self._inside):
            self._paths[self._file].add(whole[len(self._inside) :].replace(os.sep, "/") + end)

    def _enter(self, nodeid: str) -> str:
        """Be in a test file from now on; return the one before."""
        before, self._file = self._file, nodeid.partition("::")[0]
        self._paths.setdefault(self._file, set())
        return before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        """Know which file is collected."""
        before = self._enter(collector.nodeid if collector.nodeid.partition("::")[0].endswith(".py") else "")
        try:
            return (yield)
        finally:
            self._enter(before)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Know whose test is running."""
        before = self._enter(item.nodeid)
        try:
            return (yield)
        finally:
            self._enter(before)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Take what a fixture of several files reads for everybody's."""
        if fixturedef.scope not in WIDE:
            return (yield)
        before, wide = self._enter(""), self._wide
        self._wide = True
        try:
            return (yield)
        finally:
            self._wide = wide
            self._enter(before)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Tell what was read."""
        for file, paths in self._paths.items():
            if paths or file in self._starting:
                self._journal.write(
                    FilesRead, nodeid=file, paths=tuple(sorted(paths)), processes=file in self._starting
                )  # fmt: skip
