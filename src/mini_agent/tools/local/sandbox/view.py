"""What a program in the sandbox sees of this machine's files: a list of mounts, decided outside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: The private folder, in memory, and what lies in it: the working folder, which is the home folder, too.
PRIVATE = "/tmp"
HOME = f"{PRIVATE}/work"
#: Where the text of a Python program is.
SCRIPT = "/run/tool.py"

#: The system's programs and libraries. No settings, no services' folders, nobody's home.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
#: What programs need to be found and to find their libraries and the time.
_SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime")
#: What belongs to an interpreter's or an environment's folder. A project's files may lie beside it.
_PREFIX_PARTS = ("bin", "include", "lib", "lib32", "lib64", "libexec", "pyvenv.cfg", "share")
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class View:
    """mounts: real paths of folders and files that are seen where they are. links: path and text of symbolic links.

    hidden: paths below a mount that are seen as empty. path: value of PATH.
    """

    mounts: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    path: str


def view_of(
    executable: str, prefixes: Iterable[str], *, readable: Sequence[str], hidden: Iterable[str], path: str
) -> View:
    """Decide what is seen.

    executable: the Python interpreter. prefixes: its folders (`sys.prefix` and the like). readable: paths that the
    operator adds. hidden: paths that are not seen even where a folder around them is. path: our own PATH.
    """
    own = [os.path.join(prefix, part) for prefix in prefixes if len(prefix) > 1 for part in _PREFIX_PARTS]
    links: dict[str, str] = {}
    found = [_follow(requested, links) for requested in (*_SYSTEM, *_SETTINGS, *own, executable, *readable)]
    mounts = _outermost(real for real in found if os.path.exists(real) and real != "/")
    masked = {_follow(path, {}) for path in hidden}
    folders = [os.path.dirname(executable), *path.split(os.pathsep)]
    return View(
        mounts=mounts,
        links=tuple((link, text) for link, text in links.items() if not _below(link, mounts)),
        hidden=tuple(sorted(path for path in masked if _below(path, mounts) and os.path.exists(path))),
        path=os.pathsep.join(dict.fromkeys(folder for folder in folders if visible_path(folder, mounts))),
    )


def visible_path(path: str, mounts: Iterable[str]) -> bool:
    """Returns: whether a path, by the way its links lead, is below one of the mounts."""
    return os.path.isabs(path) and _below(_follow(path, {}), mounts)


def _follow(path: str, links: dict[str, str]) -> str:
    """Follow a path. links: gets every link on the way. Returns: where it ends, whether that exists or not."""
    current, pending = "/", [part for part in path.split("/") if part]
    for _ in range(4096):
        if not pending:
            return current
        part = pending.pop(0)
        following = os.path.normpath(os.path.join(current, part))
        if part == ".." or len(links) > _MOST_LINKS * 8 or not os.path.islink(following):
            current = following
            continue
        text = links[following] = os.readlink(following)
        current = "/" if text.startswith("/") else current
        pending = [part for part in text.split("/") if part and part != "."] + pending
    return current


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Returns: the paths that no other one contains, in order."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not _below(path, kept):
            kept.append(path)
    return tuple(kept)


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots)
