"""What a lane can see of the work tree: which files, what is in them, and which of them its namespace shows."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.run.tree import written_by_us
from greenlane.supervisor.view import View
from greenlane.util.globs import matches
from greenlane.util.work_tree import CACHES, commit

ALWAYS = ("pyproject.toml", "pytest.toml", "pytest.ini", ".pytest.ini", ".pytest.toml", "tox.ini", "setup.cfg",
          "conftest.py")  # fmt: skip
"""Files at the top of the work tree that pytest reads by itself: inputs of every lane."""

LINK = "link "
"""How the digest of a link begins."""

EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

BYTECODE = "*/__pycache__/*.pyc"
"""What Python keeps for itself; a run begins without any."""


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a work tree that a lane can see.

    Attributes:
        files: digest of each file, by its path relative to the project.
        outside: links that lead out of the work tree, to what no digest covers.
        view: what the lane's namespace shows; None for the whole work tree.
    """

    files: dict[str, str]
    outside: tuple[str, ...] = ()
    view: View | None = None

    @property
    def leads_out(self) -> str:
        """Why a lane with a link that leads out of the work tree is always run; empty without one."""
        return f"{self.outside[0]} leads out of the work tree, to what no digest covers" if self.outside else ""


def inputs_of(settings: Settings, lane: Lane, artifacts: Path, stage: Path) -> Inputs:
    """Return what a lane can see of the work tree.

    Args:
        artifacts: folder that this run of the lane writes into; it is shown, and it is no input.
        stage: an empty folder in which a view can be put together.
    """
    root, own = settings.root, written_by_us(settings)
    patterns = _patterns(lane)
    # Where the whole tree is seen, so are its repository and caches: the one is its commit, the others are no input.
    unseen = own if patterns else (*own, ".git", *CACHES)
    seen = [
        path for path in _paths(root, unseen, _tops(patterns)) if not patterns or matches(path.rstrip("/"), patterns)
    ]
    paths = [path for path in seen if not path.endswith("/")]
    files = {path: "folder" if path.endswith("/") else _digest(root / path) for path in seen}
    if not patterns:
        files[".git"] = commit(root)
    outside = tuple(path for path in paths if files[path].startswith(LINK) and _leads_out(root / path, root))
    view = View(root=str(root), paths=_shown(settings, patterns, paths, artifacts), stage=str(stage))
    return Inputs(files=files, outside=outside, view=view if patterns else None)


def can_see(lane: Lane, path: str) -> bool:
    """Return whether a lane is shown a file of the work tree."""
    patterns = _patterns(lane)
    return not patterns or matches(path, patterns)


def _patterns(lane: Lane) -> tuple[str, ...]:
    """Return the patterns of what a lane is shown; none for the whole work tree."""
    return (*lane.inputs, *ALWAYS, *_below(lane.tests)) if lane.inputs else ()


def _below(tests: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of files and folders that are given to pytest."""
    bare = [test.partition("::")[0].strip("/") for test in tests]
    return (*bare, *(f"{path}/**" for path in bare))


def _tops(patterns: tuple[str, ...]) -> frozenset[str] | None:
    """Return the folders at the top in which patterns mean anything; None where it may be any."""
    tops = frozenset(pattern.partition("/")[0] for pattern in patterns)
    return tops if patterns and not any("*" in top or "?" in top for top in tops) else None


def _paths(root: Path, unseen: tuple[str, ...], tops: frozenset[str] | None) -> Iterator[str]:
    """Yield every file, link and folder (with a slash behind it) below the root, without bytecode and what is named.

    Args:
        unseen: paths that are left out; tops: the only folders at the top that are looked into, None for all.
    """
    unseen_anywhere = CACHES & set(unseen)
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if here == "." else f"{here}/"
        folders[:] = sorted(name for name in folders if prefix + name not in unseen and name not in unseen_anywhere)
        if not prefix and tops is not None:
            folders[:] = [name for name in folders if name in tops]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        # An empty folder can be seen, too; one that is there for what runs write in it is ours.
        ours = (*links, "__pycache__")
        inner = (f"{prefix}{name}/" for name in folders if name not in ours)
        yield from (path for path in inner if not any(name.startswith(path) for name in unseen))
        found = (prefix + name for name in sorted((*files, *links)))
        yield from (path for path in found if path not in unseen and not fnmatchcase(f"/{path}", BYTECODE))


def _digest(path: Path) -> str:
    """Return what identifies a file: its content and who may execute it; of a link, where it leads."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return "special"
    if stat.S_ISLNK(mode):
        return f"{LINK}{os.readlink(path)}"
    if not stat.S_ISREG(mode):  # a pipe or socket would block whoever opens it
        return "special"
    with open(path, "rb", buffering=0) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{content} {mode & EXECUTABLE:o}"


def _leads_out(link: Path, root: Path) -> bool:
    """Return whether a link leads out of the work tree."""
    return not link.resolve().is_relative_to(root.resolve())


def _shown(settings: Settings, patterns: tuple[str, ...], paths: list[str], artifacts: Path) -> tuple[str, ...]:
    """Return what the namespace shows: whole folders where a pattern means all that is in them, else single files."""
    root = settings.root
    whole = sorted({pattern[:-3] for pattern in patterns if pattern.endswith("/**") and "*" not in pattern[:-3]})
    whole = [path for path in whole if (root / path).is_dir() and not (root / path).is_symlink()]
    single = [path for path in paths if not any(path.startswith(f"{folder}/") for folder in whole)]
    ours = (artifacts, root / settings.configuration.environments)
    inside = [str(path.relative_to(root)) for path in ours if path.is_relative_to(root)]
    return (*_topmost(whole), *single, *inside)


def _topmost(folders: list[str]) -> list[str]:
    """Return folders without those that lie in another of them."""
    return [folder for folder in folders if not any(folder.startswith(f"{other}/") for other in folders)]
