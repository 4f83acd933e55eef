"""Reads a diff from git: what differs between a base and the work tree, new files included."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from greenlane.config.changes import Change, ChangeKind
from greenlane.errors import ConfigError
from greenlane.util.globs import matches
from greenlane.util.work_tree import GIT

_KINDS = {"A": ChangeKind.ADDED, "D": ChangeKind.DELETED, "R": ChangeKind.RENAMED}
_PLAINLY = ("-U0", "-M", "--text", "--no-textconv", "--no-ext-diff", "--no-color")
"""How lines are read: neither the change nor somebody's settings may hide one."""

_SHALLOW = "name a commit that is here; in CI check out the whole history (fetch-depth: 0)"


def read_changes(project: Path, base: str, wanted: Collection[str] = ()) -> list[Change]:
    """Return every file that differs between where the work tree left a base and the work tree as it is.

    What came in by merging the base is no part of the change.

    Args:
        project: folder of the project; files outside of it do not count.
        base: branch, tag or commit.
        wanted: patterns of the files whose added and removed lines are read, too.

    Raises:
        ConfigError: git is not there, the folder is no work tree, or the base is unknown or has no common history.
    """
    if base.startswith("-") or not base:
        raise ConfigError(f"--base: {base!r} is no branch, tag or commit", _SHALLOW)
    _git(project, "rev-parse", "--is-inside-work-tree", problem=f"{project} is no git work tree", step="run it there")
    _git(project, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}", problem=f"--base: {base!r} is unknown here")
    fork = _git(project, "merge-base", base, "HEAD", problem=f"--base: {base!r} and HEAD have no common commit").strip()
    listing = _git(project, "diff", "--name-status", "-z", "-M", "--relative", fork, "--")
    new = _git(project, "ls-files", "--others", "--exclude-standard", "-z")
    untracked = [Change(path=path, kind=ChangeKind.ADDED) for path in new.split("\0") if path]
    tracked = list(_changes(listing.split("\0")))
    read = [(change, _with_lines) for change in tracked] + [(change, _with_text) for change in untracked]
    return [
        _shown(reader(project, fork, change) if matches(change.path, wanted) or matches(change.old, wanted) else change)
        for change, reader in read
    ]


def _shown(change: Change) -> Change:
    """Return a change whose texts can be printed; git's may hold bytes that are no UTF-8."""
    path, old, *lines = (
        text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        for text in (change.path, change.old, *change.lines)
    )
    return msgspec.structs.replace(change, path=path, old=old, lines=tuple(lines))


def _changes(words: Sequence[str]) -> Iterator[Change]:
    """Yield the changes of `git diff --name-status -z`: status, path, and for a renaming a second path."""
    rest = iter(words)
    for status in rest:
        if not status:
            return
        first = next(rest)
        kind = _KINDS.get(status[0], ChangeKind.MODIFIED)
        if kind is ChangeKind.RENAMED:
            yield Change(path=next(rest), old=first, kind=kind, same=status == "R100")
        else:
            yield Change(path=first, kind=kind)


def _with_lines(project: Path, fork: str, change: Change) -> Change:
    """Return a change with its added and removed lines, whatever `.gitattributes` calls binary."""
    paths = [path for path in (change.old, change.path) if path]
    text = _git(project, "diff", *_PLAINLY, "--relative", fork, "--", *paths)
    body = text.split("\n@@", 1)
    lines = ("@@" + body[1]).split("\n") if len(body) == 2 else []
    return Change(
        path=change.path, old=change.old, kind=change.kind, same=change.same,
        lines=tuple(line[1:] for line in lines if line[:1] in ("+", "-")),
    )  # fmt: skip


def _with_text(project: Path, _fork: str, change: Change) -> Change:
    """Return a new file with its lines."""
    text = (project / change.path).read_text("utf-8", "replace") if (project / change.path).is_file() else ""
    return Change(path=change.path, kind=change.kind, lines=tuple(text.split("\n")))


def _git(project: Path, *words: str, problem: str = "", step: str = _SHALLOW) -> str:
    """Return what git prints.

    Raises:
        ConfigError: git is not there, or refuses.
    """
    command = [GIT, "--literal-pathspecs", "-c", "core.quotePath=false", "-C", str(project), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise ConfigError(f"git cannot be started: {error.strerror}", "install git") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise ConfigError("; ".join([problem or f"git {words[0]} failed", *said]), step)
    return done.stdout.decode("utf-8", "surrogateescape")
