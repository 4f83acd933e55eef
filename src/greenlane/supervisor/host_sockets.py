"""Finds the unix sockets of the host that live in the file system: a network namespace does not cut them off.

They are the way out that is left to a lane without a network: docker, podman, containerd, ssh and gpg agents, dbus,
X11, wayland, a resolver, a database in `/var/run`. Standard library only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

LIMIT = 4000
"""Directory entries looked at, at most: a start must stay fast on a machine with a huge `/run`."""

FOLDERS = ("/run", "/var/run", "/tmp/.X11-unix", "/tmp/.ICE-unix", "/dev/log", "/var/lib/docker", "/var/lib/containerd")
TEMPORARY = ("ssh-", "tmux-", ".s.PGSQL", "dbus-", "gpg-", "keyring-", "mysql", ".mysql", "X11", "podman", "docker")
"""Beginnings of the names, directly under the temporary folder, that sockets of other programs live in."""

HOME = (".docker/run", ".docker/desktop", ".gnupg", ".ssh", ".colima/default", ".local/share/containers/podman")
VARIABLES = ("SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DOCKER_HOST", "CONTAINER_HOST", "DBUS_SESSION_BUS_ADDRESS", "PGHOST")
"""Environment names that lead to sockets, as a path or as an address that contains one."""


def find_host_sockets(keep: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the real paths of the sockets that exist now, sorted.

    Args:
        keep: paths that are left out.
    """
    kept = {os.path.realpath(path) for path in keep}
    found = {os.path.realpath(path) for path in _candidates() if _is_socket(path)}
    return tuple(sorted(found - kept))


def _candidates() -> Iterator[str]:
    """Yield paths that may be sockets: those that the kernel knows, and those in the usual places."""
    yield from _listed_by_kernel()
    yield from _named_by_environment()
    home = os.environ.get("HOME", "")
    folders = [*FOLDERS, os.environ.get("XDG_RUNTIME_DIR", ""), *(f"{home}/{name}" for name in HOME if home)]
    for folder in {os.path.realpath(folder) for folder in folders if folder}:
        yield from _walk(folder, depth=3)
    for entry in _entries("/tmp"):
        if entry.name.startswith(TEMPORARY):
            yield entry.path
            yield from _walk(entry.path, depth=1)


def _listed_by_kernel() -> Iterator[str]:
    """Yield the paths to which sockets of this network namespace are bound, wherever they are."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()[1:]
    except OSError:
        return
    for line in lines:
        _, slash, rest = line.rstrip("\n").partition(" /")
        if slash:
            yield "/" + rest


def _named_by_environment() -> Iterator[str]:
    """Yield paths that the environment names."""
    for name in VARIABLES:
        value = os.environ.get(name, "")
        start = value.find("/" if "://" not in value else "///") if value else -1
        if start >= 0:
            path = "/" + value[start:].lstrip("/")
            yield path.split(",")[0].split(":")[0]
            yield f"{path}/.s.PGSQL.{os.environ.get('PGPORT', '5432')}"


def _walk(folder: str, depth: int) -> Iterator[str]:
    """Yield what is neither file nor folder nor link under a folder, and the path itself."""
    yield folder
    level = [folder]
    looked = 0
    for _ in range(depth):
        below: list[str] = []
        for parent in level:
            for entry in _entries(parent):
                looked += 1
                if looked > LIMIT:
                    return
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
                elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink():
                    yield entry.path
        level = below


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing when it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _is_socket(path: str) -> bool:
    """Whether there is a socket at a path."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
