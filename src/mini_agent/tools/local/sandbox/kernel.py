"""System calls that Python 3.11 does not offer. Nothing happens at import; a `Kernel` is made by the keeper only."""

from __future__ import annotations

import os
import struct
from typing import Any

from mini_agent.tools.local.sandbox.syscalls import machine_of, refusing

NEW_NAMESPACES = (
    0x0002_0000  # mount
    | 0x0200_0000  # cgroup
    | 0x0400_0000  # host name
    | 0x0800_0000  # System V IPC and message queues
    | 0x1000_0000  # user
    | 0x2000_0000  # process ids
    | 0x4000_0000  # network, abstract sockets with it
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
MNT_DETACH = 2

# These numbers are the same on every architecture that Linux supports: they came after the numbers were joined.
_CLONE3 = 435
_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x2008_0522
_EINVAL = 22


class Kernel:
    """The calls, bound once. Every one of them raises OSError when the kernel refuses."""

    def __init__(self) -> None:
        import ctypes

        self._ctypes = ctypes
        # With the interpreter's lock held: whoever comes back from a clone has to have it.
        self._libc: Any = ctypes.PyDLL(None, use_errno=True)
        self._python: Any = ctypes.pythonapi
        self._machine = machine_of(os.uname().machine)

    def clone(self, flags: int, end_signal: int) -> int:
        """Fork into new namespaces. Returns: 0 in the child, its process id in the parent."""
        arguments = self._ctypes.create_string_buffer(struct.pack("11Q", flags, 0, 0, 0, end_signal, *[0] * 6))
        self._python.PyOS_BeforeFork()
        pid = self._syscall(_CLONE3, arguments, self._ctypes.c_size_t(88))
        if pid == 0:
            self._python.PyOS_AfterFork_Child()
        else:
            self._python.PyOS_AfterFork_Parent()
        return self._checked(pid, "clone")

    def mount(self, source: str, target: str, kind: str, flags: int, options: str = "") -> None:
        """Put a file system, or with `MS_BIND` a path, in the place of a path."""
        texts = [os.fsencode(text) or None for text in (source, target, kind)]
        done = self._libc.mount(*texts, self._ctypes.c_ulong(flags), os.fsencode(options) or None)
        self._checked(done, target)

    def restrict(self, target: str, flags: int, *, below: bool) -> None:
        """Add `nosuid`, `nodev`, `noexec` and `ro` to a mount. below: to all mounts below it, too."""
        attributes = self._ctypes.create_string_buffer(struct.pack("4Q", flags, 0, 0, 0))
        where = _AT_RECURSIVE if below else 0
        done = self._syscall(
            _MOUNT_SETATTR,
            self._ctypes.c_int(_AT_FDCWD),
            self._ctypes.c_char_p(os.fsencode(target)),
            self._ctypes.c_uint(where),
            attributes,
            self._ctypes.c_size_t(32),
        )
        self._checked(done, f"{target} read-only")

    def change_root(self, root: str) -> None:
        """Make a mount the root of this mount namespace, and let the former one go."""
        os.chdir(root)
        dot = self._ctypes.c_char_p(b".")
        self._checked(self._syscall(self._machine.numbers["pivot_root"], dot, dot), "pivot_root")
        self._checked(self._libc.umount2(b".", MNT_DETACH), "the former root")
        os.chdir("/")

    def die_with_parent(self, number: int) -> None:
        """Get a signal when the parent ends. A change of ids undoes it."""
        self._prctl(_PR_SET_PDEATHSIG, number)

    def be_opaque(self) -> None:
        """Be read and traced by nobody with the same ids, until the next exec."""
        self._prctl(_PR_SET_DUMPABLE, 0)

    def bound_nothing(self) -> None:
        """Empty the set of capabilities that an exec could ever give."""
        for capability in range(64):
            try:
                self._prctl(_PR_CAPBSET_DROP, capability)
            except OSError as error:
                if error.errno == _EINVAL:  # Behind the last one that this kernel knows.
                    return
                raise

    def drop_capabilities(self) -> None:
        """Have no capability in any set, and gain none by any exec."""
        self._prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
        self._prctl(_PR_SET_NO_NEW_PRIVS, 1)
        header = self._ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION_3, 0))
        self._checked(self._libc.capset(header, self._ctypes.create_string_buffer(24)), "capset")

    def refuse_calls(self) -> None:
        """Refuse dangerous system calls to this process and all that it starts. Needs `drop_capabilities` before."""
        instructions = refusing(self._machine)
        kept = self._ctypes.create_string_buffer(instructions)
        program = self._ctypes.create_string_buffer(
            struct.pack("HP", len(instructions) // 8, self._ctypes.addressof(kept))
        )
        self._prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._ctypes.addressof(program))

    def _prctl(self, option: int, *values: int) -> None:
        arguments = [self._ctypes.c_ulong(number) for number in (*values, 0, 0, 0, 0)[:4]]
        self._checked(self._libc.prctl(option, *arguments), f"prctl {option}")

    def _syscall(self, number: int, *arguments: Any) -> int:
        result: int = self._libc.syscall(self._ctypes.c_long(number), *arguments)
        return result

    def _checked(self, result: int, what: str) -> int:
        if result < 0:
            number = self._ctypes.get_errno()
            raise OSError(number, os.strerror(number), what)
        return result
