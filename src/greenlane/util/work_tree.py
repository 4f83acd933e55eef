"""The state of a work tree as one digest: evidence is only valid for the tree that it was made from."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

GIT = "git"
PRUNED = frozenset(
    {
        ".git", ".nox", ".venv", "__pycache__", ".artifacts", "node_modules", "build", "dist",
        ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    }
)  # fmt: skip
"""Folders that are no part of a tree that git does not know."""

CACHES = frozenset({"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
"""Folders that git may not be told to ignore; untracked, they are no part of a tree."""


COMMIT = ""
"""Key of the commit among the files of a tree."""


def tree_state(project: Path, ignored: Iterable[str] = ()) -> str:
    """Return the SHA-256 of a project's files: the commit and what differs from it, or every file without git.

    Args:
        ignored: paths relative to it that we write ourselves; they do not count.
    """
    return state_of(tree_files(project, ignored))


def state_of(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of files, as `tree_files` has them."""
    state = hashlib.sha256(files[COMMIT])
    for path in sorted(files.keys() - {COMMIT}):
        state.update(path.encode("utf-8", "surrogateescape") + b"\0" + files[path])
    return state.hexdigest()


def tree_files(project: Path, ignored: Iterable[str] = ()) -> dict[str, bytes]:
    """Return the digest of each file of a project that differs from its commit, of every file without git, by path.

    Args:
        ignored: paths relative to it that we write ourselves; they do not count.
    """
    own = {path.strip("/") for path in ignored if path}
    listing = None
    # Where we are in the repository, which is nothing at its top, and the tree: a line each.
    where = _git(project, "rev-parse", "--show-prefix", "HEAD^{tree}")
    if where is not None:
        listing = _git(project, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", ".")
    head = b""
    if where is None or listing is None:
        paths: Iterable[str] = _all_files(project)
    else:
        *above, head = where.splitlines(keepends=True)
        prefix = b"".join(above).rstrip(b"\n").decode("utf-8", "surrogateescape")
        entries = listing.decode("utf-8", "surrogateescape").split("\0")
        paths = [path for entry in entries if (path := entry[3:].removeprefix(prefix)) and not _cached(entry)]
    found = {COMMIT: head}
    for path in paths:
        if not any(path == name or path.startswith(f"{name}/") for name in own):
            found[path] = _content(project / path)
    return found


def changed_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the paths that are not the same in two looks at a tree, sorted; the commit is no path."""
    paths = (before.keys() | after.keys()) - {COMMIT}
    return tuple(sorted(path for path in paths if before.get(path) != after.get(path)))


def user_name(project: Path) -> str:
    """Return who git says is working here; empty where it does not know."""
    return (_run_git(project, "config", "user.name") or b"").decode("utf-8", "replace").strip()


def commit(project: Path) -> str:
    """Return the commit that is checked out, and its nearest tag; empty without git."""
    head = (_git(project, "rev-parse", "--verify", "--quiet", "HEAD") or b"").decode("ascii", "replace").strip()
    return f"{head} {described(project)}".strip()


def described(project: Path) -> str:
    """Return the commit by its nearest tag, from which many a build makes the version; empty without git."""
    return (_git(project, "describe", "--tags", "--always") or b"").decode("utf-8", "replace").strip()


def _cached(entry: str) -> bool:
    """Return whether a line of `git status` tells of an untracked file that a tool keeps for itself."""
    return entry.startswith("?? ") and not CACHES.isdisjoint(entry[3:].split("/"))


def _content(path: Path) -> bytes:
    """Return the digest of a file or link, or of a repository within; of a missing or special one, a mark."""
    try:
        if path.is_dir() and not path.is_symlink():
            return bytes.fromhex(tree_state(path))
        if path.is_symlink():
            return b"link " + os.readlink(path).encode("utf-8", "surrogateescape")
        if not path.is_file():  # a pipe or socket would block whoever opens it
            return b"absent" if not path.exists() else b"special"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b"absent"


def _all_files(project: Path) -> Iterator[str]:
    """Yield every file below a folder that git does not know."""
    for folder, folders, files in os.walk(project):
        folders[:] = [name for name in folders if name not in PRUNED]
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), project).replace(os.sep, "/")


def _git(project: Path, *arguments: str) -> bytes | None:
    """Return what git prints; None when it fails or is not there."""
    return _run_git(project, *arguments) if _may_be_tracked(project) else None


def _may_be_tracked(project: Path) -> bool:
    """Return whether git could find a repository: in the folder or above it, unless a variable says where."""
    folder = project.resolve()
    return "GIT_DIR" in os.environ or any((place / ".git").exists() for place in (folder, *folder.parents))


def _run_git(project: Path, *arguments: str) -> bytes | None:
    """Return what git prints, in a repository or not; None when it fails or is not there."""
    try:
        done = subprocess.run([GIT, "-C", str(project), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
