"""Cuts the calling process, and all that it will start, off the network: namespaces of the Linux kernel.

Two user namespaces are entered, one in the other. The outer one hides the host's sockets; in the inner one, which owns
the network, those mounts are locked, so that not even the lane's root can take them away. Standard library only, no
external program, the same as root and as an ordinary user.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from greenlane.supervisor.host_sockets import find_host_sockets
from greenlane.supervisor.loopback_device import has_ipv6, hosts_with_local_names, raise_loopback
from greenlane.supervisor.view import View, show_only

Level = Literal["kernel", "python", "none"]

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000
HOSTS = "/etc/hosts"


@dataclass(frozen=True, kw_only=True)
class Enclosure:
    """How far a process was cut off.

    Attributes:
        level: `kernel` when the process has a network namespace of its own, `python` when the kernel refused.
        reason: why it is not `kernel`, in one line; empty when it is.
        fix: the command or setting that would make it `kernel`; empty when there is none.
        hidden: paths of host sockets that the process can no longer reach.
        exposed: paths of host sockets that could not be hidden.
        lacking: what the loopback should have and has not, one line each.
    """

    level: Level
    reason: str = ""
    fix: str = ""
    hidden: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what to tell the user; nothing when everything is as it should be."""
        lines = []
        if self.level != "kernel":
            lines.append(f"WARNING: hermetic level is {self.level}, not kernel: {self.reason}")
            if self.fix:
                lines.append(f"  next: {self.fix}")
        lines.extend(f"WARNING: the host socket {path} could not be hidden from the lane" for path in self.exposed)
        lines.extend(f"WARNING: the lane's loopback has no {what}" for what in self.lacking)
        return lines


def enter(keep: Iterable[str] = (), view: View | None = None) -> Enclosure:
    """Move the calling process into a network of its own that has a loopback and nothing else.

    The sequence is tried in a forked child first: a kernel that refuses half-way leaves the caller as it was.
    The process must have one thread; children that it starts afterwards are enclosed with it.

    Args:
        keep: paths of unix sockets that stay reachable.
        view: what is shown of the work tree; None for all of it.

    Returns:
        The level that was achieved. Refusal is a level, not an exception.
    """
    if not sys.platform.startswith("linux"):
        return Enclosure(level="python", reason=f"{sys.platform} has no network namespaces")
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        return Enclosure(level="python", reason=f"the process has {threads} threads; a namespace needs one thread")
    sockets = find_host_sockets(keep)
    refusal = _trial(view)
    if refusal:
        return Enclosure(level="python", reason=refusal, fix=suggest_fix())
    try:
        return _enclose(sockets, view)
    except OSError as error:
        return Enclosure(level="python", reason=_words(error), fix=suggest_fix())


def suggest_fix(root: str = "/proc") -> str:
    """Return the command that would make the kernel allow namespaces, as far as the kernel says why it refuses.

    Args:
        root: where the proc file system is.
    """
    if _setting(f"{root}/sys/user/max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=15000"
    if _setting(f"{root}/sys/kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _setting(f"{root}/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    if "Seccomp:\t2" in _setting(f"{root}/self/status"):
        return (
            "start the container with --security-opt seccomp=unconfined (docker run, or `options:` of a CI container)"
        )
    return ""


def _setting(path: str) -> str:
    """Return what a kernel file says; empty where this kernel has no such file."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _trial(view: View | None) -> str:
    """Go through the whole sequence in a child and return why it failed; empty when it did not."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        message = ""
        try:
            _enclose((), view)
        except BaseException as error:  # noqa: BLE001  the child must end here whatever happens, and say why
            message = _words(error)
        finally:
            os.write(writing, message.encode("utf-8", "replace")[:4000])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    return message or (f"the trial child ended with status {status}" if status else "")


def _words(error: BaseException) -> str:
    """Return an error as one line."""
    text = str(getattr(error, "strerror", None) or error)
    return " ".join(text.split()) or type(error).__name__


def _enclose(sockets: Iterable[str], view: View | None) -> Enclosure:
    """Enter the namespaces, hide sockets and what is no input, and set up the loopback.

    Raises:
        OSError: the kernel refused a step.
    """
    uid, gid = os.getuid(), os.getgid()
    libc = _Libc()
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNS)
    _keep_ids(uid, gid)
    hidden, exposed = _hide(libc, sockets)
    if view is not None:
        show_only(view)
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
    _keep_ids(uid, gid)
    lacking = (*raise_loopback(), *_name_loopback(libc))
    return Enclosure(level="kernel", hidden=hidden, exposed=exposed, lacking=lacking)


def _keep_ids(uid: int, gid: int) -> None:
    """Map the caller's ids to themselves in the namespace just entered."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        try:
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            words = f"the kernel refused to map user ids (/proc/self/{name}: {error.strerror})"
            raise OSError(error.errno, words) from error


def _hide(libc: _Libc, sockets: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put nothing in the place of each socket; return those hidden and those that could not be."""
    hidden, exposed = [], []
    # In a chroot `/` is no mount point. The kernel has already cut propagation to the host: nothing leaks out.
    with contextlib.suppress(OSError):
        libc.mount("none", "/", "", MS_REC | MS_PRIVATE)
    for path in sockets:
        try:
            libc.mount("/dev/null", path, "", MS_BIND)
        except FileNotFoundError:
            continue
        except OSError:
            exposed.append(path)
        else:
            hidden.append(path)
    return tuple(hidden), tuple(exposed)


def _name_loopback(libc: _Libc) -> tuple[str, ...]:
    """Let the machine's own names lead to its loopback; return what could not be had."""
    try:
        with open(HOSTS, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        wanted = hosts_with_local_names(text, socket.gethostname(), ipv6=has_ipv6())
        if wanted == text:
            # In a lane's own lane the file is there already, and the kernel mounts nothing over a file without a name.
            return ()
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(wanted)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            # The mount keeps the file alive when its name is gone.
            libc.mount(file.name, HOSTS, "", MS_BIND)
    except OSError as error:
        return (f"names of its own in {HOSTS}: {error.strerror or error}",)
    return ()


class _Libc:
    """The two system calls that Python 3.11 does not offer."""

    def __init__(self) -> None:
        import ctypes

        self._errno = ctypes.get_errno
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._libc.mount.argtypes = (
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_ulong,
            ctypes.c_char_p,
        )

    def unshare(self, flags: int) -> None:
        """Leave the namespaces named by flags for new ones.

        Raises:
            OSError: the kernel refused.
        """
        if self._libc.unshare(flags):
            number = self._errno()
            name = errno.errorcode.get(number, str(number))
            raise OSError(number, f"the kernel refused a new namespace (unshare: {name}, {os.strerror(number)})")

    def mount(self, source: str, target: str, kind: str, flags: int) -> None:
        """Make a mount, by the system call of that name.

        Raises:
            OSError: the kernel refused.
        """
        if self._libc.mount(source.encode(), os.fsencode(target), kind.encode(), flags, None):
            number = self._errno()
            raise OSError(number, os.strerror(number), target)
