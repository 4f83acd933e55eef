"""Files and folders created in the work tree."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import translate

# By name: what may be heard in a running event loop must not go through functions that a test has replaced to find
# blocking calls (blockbuster). Where a file is being opened, one more look at it blocks no longer than that.
from os import getcwd, lstat

from greenlane.plugin.leaks.change import ABSENT, Change
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.network.audit import Site

IGNORED = (
    "__pycache__", "*.pyc", ".git", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".coverage*", ".nox",
    ".tox", ".venv", "*.egg-info", ".greenlane", ".artifacts", "node_modules", ".benchmarks", ".testmondata*",
)  # fmt: skip
"""Names of files and folders that tools keep in a work tree; nothing below them is watched."""

_IGNORED = re.compile("|".join(map(translate, IGNORED)))

FOLDERS = 5000
"""Folders of a work tree that are looked at after a test that started a process, at most."""


class Files:
    """Watches what is created in the project.

    What Python creates is heard while it happens, so that under xdist each process answers for itself. What a child
    process created is found by looking, and only where no other process runs tests at the same time.
    """

    def __init__(self, context: Context) -> None:
        self._root = os.path.join(os.path.realpath(context.project), "")
        self._artifacts = os.path.join(os.path.realpath(context.artifacts), "")
        self._sites = context.sites
        self._busy = context.busy
        self._created: dict[str, Site | None] = {}
        self._spawned: Site | None = None
        self._folders = self._survey() if context.alone else {}
        events = context.events
        events.on("open", lambda path, _mode, flags: self._opened(path, flags))
        events.on("os.mkdir", lambda path, *_: self._creates(path))
        events.on("os.rename", lambda _source, path, *_: self._creates(path))
        events.on("os.link", lambda _source, path, *_: self._creates(path))
        events.on("os.symlink", lambda _source, path, *_: self._creates(path))
        events.on("sqlite3.connect", self._creates)
        for event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.system"):
            events.on(event, self._spawns)

    def _opened(self, path: object, flags: object) -> None:
        if isinstance(flags, int) and flags & os.O_CREAT:
            self._creates(path)

    def _creates(self, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike) or not self._busy():
            return
        full = _absolute(os.fsdecode(path))
        if self._watched(full) and not _exists(full):
            self._created.setdefault(full, self._sites.site(depth=4))

    def _spawns(self, *_words: object) -> None:
        if self._folders and self._busy():
            self._spawned = self._sites.site(depth=3)

    def _watched(self, path: str) -> bool:
        """Whether a path is in the work tree and not a tool's."""
        if not path.startswith(self._root) or path.startswith(self._artifacts):
            return False
        parts = path[len(self._root) :].split(os.sep)
        return not any(map(_IGNORED.match, parts))

    def poll(self) -> Sequence[Change]:
        """Return what was created and is still there."""
        if not self._created and self._spawned is None:
            return ()
        created, self._created = self._created, {}
        if self._spawned is not None:
            site, self._spawned = self._spawned, None
            for path in self._look():
                created.setdefault(path, site)
        there = [path for path in created if os.path.lexists(path)]
        roots = [path for path in there if not any(path.startswith(f"{other}{os.sep}") for other in there)]
        return [self._change(path, created[path]) for path in sorted(roots)]

    def _survey(self) -> dict[str, tuple[int, frozenset[str]]]:
        """Return time and names of every watched folder of the work tree."""
        found: dict[str, tuple[int, frozenset[str]]] = {}
        for folder, below, files in os.walk(self._root):
            below[:] = [name for name in below if self._watched(os.path.join(folder, name))]
            with suppress(OSError):
                found[folder] = (os.stat(folder).st_mtime_ns, frozenset((*below, *files)))
            if len(found) > FOLDERS:
                return {}
        return found

    def _look(self) -> list[str]:
        """Return the paths that are new in the folders that were touched since the last look."""
        new: list[str] = []
        for folder, (time, names) in tuple(self._folders.items()):
            with suppress(OSError):
                touched = os.stat(folder).st_mtime_ns
                if touched == time:
                    continue
                now = frozenset(os.listdir(folder))
                self._folders[folder] = (touched, now)
                paths = (os.path.join(folder, name) for name in now - names)
                new.extend(path for path in paths if self._watched(path))
        return new

    def _change(self, path: str, site: Site | None) -> Change:
        def remove() -> None:
            with suppress(FileNotFoundError):
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)

        kind = "folder" if os.path.isdir(path) else "file"
        return Change(
            path[len(self._root) :],
            ABSENT,
            kind,
            remove,
            site=site,
            importing=site is not None and site.importing,
            still=lambda: os.path.lexists(path),
        )


def _absolute(path: str) -> str:
    """Return a path from the root on, without `.` and `..`; as it is where the working directory is gone."""
    try:
        return os.path.normpath(path if os.path.isabs(path) else os.path.join(getcwd(), path))
    except FileNotFoundError:
        return path


def _exists(path: str) -> bool:
    """Whether there is something at a path, be it a link that leads nowhere."""
    try:
        lstat(path)
    except (OSError, ValueError):
        return False
    return True
