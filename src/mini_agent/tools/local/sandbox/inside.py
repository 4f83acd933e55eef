"""The first process of a sandbox: builds what the program sees, gives up every right, starts it, buries its children.

It runs in a fork of the keeper, in namespaces of its own, as their process 1: the kernel ends every other process in
them with it. Whatever this process opened before it entered stays out of the program's reach.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

from mini_agent.tools.local.sandbox.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    Kernel,
)
from mini_agent.tools.local.sandbox.view import HOME, PRIVATE, SCRIPT

#: The user and the group of the program, as it sees them.
USER = 1000
#: Where the new root is built: a folder that every Linux has, and that no interpreter lives in.
_ROOT = "/sys"
_DEVICES = ("full", "null", "random", "urandom", "zero")
_FILES = {
    "etc/passwd": f"sandbox:x:{USER}:{USER}::{HOME}:/bin/sh\n",
    "etc/group": f"sandbox:x:{USER}:\n",
    "etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
#: Written to the kernel's settings of these namespaces: no further namespace, no shared memory beside the limits.
_SETTINGS = {
    "user/max_user_namespaces": "0",
    "kernel/shmall": "0",
    "fs/mqueue/queues_max": "0",
}
_LEAST_PID_MAX = 301
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_WATCH_MS = 50
_PAGE = resource.getpagesize()


def run_inside(
    kernel: Kernel, go: int, call: socket.socket, view: Mapping[str, Any], descriptors: list[int]
) -> NoReturn:
    """Be process 1. Does not return.

    go: the keeper's pipe, which brings one byte when ids are mapped. call: gets one message of JSON: `rc` of the
    program, or `error` and `errno` of what failed before it ran; its end means that the gateway lets the call go.
    view: fields of a `View`. descriptors: stdout, stderr, the job, and the script if there is one. The job is JSON:
    `argv`, `env`, `limits`.
    """
    out, err, job_number, *script = descriptors
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kernel.die_with_parent(signal.SIGKILL)
        mapped = os.read(go, 1)
        if not mapped:
            os._exit(1)
        job = json.loads(_whole(job_number))
        _build(kernel, view, job["limits"], _whole(script[0]) if script else None)
        _give_up(kernel, both_mapped=mapped == b"2")
        answer = _run(job, out, err, call)
    except OSError as error:
        what = f"{error.filename.removeprefix(_ROOT)}: " if isinstance(error.filename, str) else ""
        answer = {"error": f"{what}{error.strerror or error}", "errno": error.errno or 0, "ours": True}
    with contextlib.suppress(OSError):
        call.send(json.dumps(answer).encode())
    os._exit(0)


def _whole(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    data = b"".join(iter(lambda: os.read(descriptor, 1 << 20), b""))
    os.close(descriptor)
    return data


def _build(kernel: Kernel, view: Mapping[str, Any], limits: Mapping[str, int], script: bytes | None) -> None:
    """Make the new root, and enter it."""
    # Where memory runs out, the kernel looks here first.
    with contextlib.suppress(OSError):
        put("/proc/self/oom_score_adj", "1000")
    # What is made here is for everybody to read, whatever the gateway keeps from others.
    os.umask(0o022)
    kernel.mount("", "/", "", MS_REC | MS_PRIVATE)
    kernel.mount("tmpfs", _ROOT, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=0755,size={limits['root_bytes']}")
    # First, because an interpreter may be below the folder of the same name outside.
    os.mkdir(f"{_ROOT}{PRIVATE}")
    options = f"mode=0700,uid={USER},gid={USER},size={limits['folder_bytes']},nr_inodes={limits['folder_files']}"
    kernel.mount("tmpfs", _ROOT + PRIVATE, "tmpfs", MS_NOSUID | MS_NODEV, options)
    os.mkdir(_ROOT + HOME, 0o700)
    os.chown(_ROOT + HOME, USER, USER)
    for path in view["mounts"]:
        _show(kernel, path, MS_RDONLY | MS_NOSUID | MS_NODEV)
    for path in view["hidden"]:
        if os.path.isdir(path):
            kernel.mount("tmpfs", _ROOT + path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=0,mode=0555")
        else:
            kernel.mount("/dev/null", _ROOT + path, "", MS_BIND)
    for path, text in view["links"]:
        os.makedirs(os.path.dirname(_ROOT + path), exist_ok=True)
        os.symlink(text, _ROOT + path)
    _devices(kernel)
    for path, text in _FILES.items():
        _write(f"{_ROOT}/{path}", text.encode())
    if script is not None:
        _write(_ROOT + SCRIPT, script)
    os.mkdir(f"{_ROOT}/proc")
    kernel.mount("proc", f"{_ROOT}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    kernel.change_root(_ROOT)
    _settings(limits["processes"])
    # As ids of the machine's root may be ours, the kernel's settings must not be files that we can write.
    kernel.restrict("/proc", MS_RDONLY, below=True)
    kernel.restrict("/", MS_RDONLY, below=False)
    socket.sethostname("sandbox")
    _raise_loopback()
    _limit(limits)


def _show(kernel: Kernel, path: str, flags: int) -> None:
    """Bind a path of the machine to the same path of the new root."""
    target = _ROOT + path
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        _write(target, b"")
    kernel.mount(path, target, "", MS_BIND | MS_REC)
    kernel.restrict(target, flags, below=True)


def _devices(kernel: Kernel) -> None:
    for name in _DEVICES:
        _show(kernel, f"/dev/{name}", MS_NOSUID | MS_NOEXEC)
    for name, text in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(text, f"{_ROOT}/dev/{name}")
    os.symlink(PRIVATE, f"{_ROOT}/dev/shm")


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _settings(processes: int) -> None:
    """Set what these namespaces may have. A kernel that has not every setting for a namespace refuses some."""
    for name, text in {**_SETTINGS, "kernel/pid_max": str(max(processes, _LEAST_PID_MAX))}.items():
        with contextlib.suppress(OSError):
            put(f"/proc/sys/{name}", text)


def put(path: str, text: str) -> None:
    """Write to a file of the kernel's, all at once."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _raise_loopback() -> None:
    """Let the program talk to itself; there is nobody else in its network."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _limit(limits: Mapping[str, int]) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, limits["address_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_RTPRIO, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _give_up(kernel: Kernel, *, both_mapped: bool) -> None:
    """Have no right that a program of an ordinary user has not, for good."""
    kernel.bound_nothing()
    if both_mapped:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    kernel.drop_capabilities()
    kernel.refuse_calls()
    kernel.be_opaque()
    # Another user than before: the wish was forgotten.
    kernel.die_with_parent(signal.SIGKILL)


def _run(job: Mapping[str, Any], out: int, err: int, call: socket.socket) -> dict[str, Any]:
    """Run the program to its end, or until nobody wants it any more. Returns: the answer for the gateway."""
    os.chdir(HOME)
    os.umask(0o077)
    # Where a name without a folder is looked for.
    os.environ["PATH"] = job["env"]["PATH"]
    try:
        program = os.posix_spawnp(
            job["argv"][0],
            job["argv"],
            job["env"],
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, err, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT],
        )
    except OSError as error:
        return {"error": error.strerror or str(error), "errno": error.errno or errno.EIO}
    except ValueError:
        return {"error": "an argument is no text", "errno": errno.EINVAL}
    os.close(out)
    os.close(err)
    ended = os.pidfd_open(program)
    poller = select.poll()
    poller.register(ended, select.POLLIN)
    poller.register(call, select.POLLIN)
    answer = _watch(poller, ended, program, job["limits"])
    # All of them, at once: as process 1 of its namespace this one is the only exception.
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return answer


def _watch(poller: select.poll, ended: int, program: int, limits: Mapping[str, int]) -> dict[str, Any]:
    """Wait for the end, reap orphans meanwhile, and end what has too much all together. Returns: the answer."""
    while True:
        for descriptor, _ in poller.poll(_WATCH_MS):
            if descriptor != ended:
                return {"killed": True}
            return {"rc": os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])}
        while (orphan := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and orphan.si_pid != program:
            os.waitpid(orphan.si_pid, 0)
        processes, memory = _usage()
        # The kernel counts processes, too, but not those of the machine's root, before Linux 6.14.
        if processes > limits["processes"] or memory > limits["memory_bytes"]:
            what = "memory" if memory > limits["memory_bytes"] else "processes"
            return {"rc": -int(signal.SIGKILL), "note": f"the program had more {what} than it may have"}


def _usage() -> tuple[int, int]:
    """Returns: how many processes the sandbox has beside this one, and the bytes that they have in memory."""
    processes = pages = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit() and entry != "1":
            processes += 1
            with contextlib.suppress(OSError, ValueError, IndexError):
                descriptor = os.open(f"/proc/{entry}/statm", os.O_RDONLY)
                try:
                    pages += int(os.read(descriptor, 100).split()[1])
                finally:
                    os.close(descriptor)
    return processes, pages * _PAGE
