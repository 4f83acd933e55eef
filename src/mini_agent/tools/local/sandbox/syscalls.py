"""The system calls that a program in the sandbox is refused, as a filter for the kernel (seccomp).

Without rights most of them fail anyway. Refused here, they do not even get to the code of the kernel that would say no,
where most of its holes were found. And some would reach around the walls: keys of the kernel belong to a user, memory
behind a descriptor to no process whose memory is counted.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

#: The same on every machine: they came after the numbers were joined.
_JOINED = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
_CLONE3 = 435

_X86_64 = {
    "shmget": 29, "ptrace": 101, "syslog": 103, "pivot_root": 155, "chroot": 161, "acct": 163, "settimeofday": 164,
    "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "iopl": 172, "ioperm": 173,
    "init_module": 175, "delete_module": 176, "quotactl": 179, "mq_open": 240, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313,
    "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
}  # fmt: skip
_GENERIC = {
    "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "quotactl": 60, "acct": 89, "unshare": 97,
    "kexec_load": 104, "init_module": 105, "delete_module": 106, "syslog": 116, "ptrace": 117, "reboot": 142,
    "settimeofday": 170, "mq_open": 180, "shmget": 194, "add_key": 217, "request_key": 218, "keyctl": 219,
    "swapon": 224, "swapoff": 225, "perf_event_open": 241, "name_to_handle_at": 264, "open_by_handle_at": 265,
    "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "finit_module": 273, "memfd_create": 279,
    "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
}  # fmt: skip
#: Names of the refused calls. x86 has two more.
REFUSED = frozenset({*_GENERIC, *_JOINED})

# Instructions of the filter: load a word of the call, compare, return.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _ERROR = 0x7FFF_0000, 0x0005_0000
#: Numbers from here on are those of another way to call an x86-64 kernel.
_X32 = 0x4000_0000
#: Flags of `clone` that ask for a namespace of any kind.
_NAMESPACES = 0x7E02_0080


@dataclass(frozen=True, slots=True)
class Machine:
    """How a kind of machine calls its kernel. architecture: as the kernel tells a filter. numbers: of refused calls."""

    architecture: int
    clone: int
    numbers: Mapping[str, int]


_MACHINES: Mapping[str, Machine] = MappingProxyType(
    {
        "x86_64": Machine(0xC000_003E, 56, MappingProxyType(_X86_64 | _JOINED)),
        "aarch64": Machine(0xC000_00B7, 220, MappingProxyType(_GENERIC | _JOINED)),
        "riscv64": Machine(0xC000_00F3, 220, MappingProxyType(_GENERIC | _JOINED)),
    }
)


def machine_of(name: str) -> Machine:
    """Returns: the machine of that name, as `uname -m` has it. Raises: OSError for one that is not known here."""
    if name not in _MACHINES:
        raise OSError(errno.ENOSYS, f"the numbers of system calls on {name} are not known here")
    return _MACHINES[name]


def refusing(machine: Machine) -> bytes:
    """Write the filter. Returns: its instructions, eight bytes each."""
    refused = sorted(machine.numbers.values())
    # Behind the comparisons: three for `clone`, one that allows, then the two refusals.
    steps: list[tuple[int, int | str, int | str, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 0, "refuse", machine.architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, "refuse", 0, _X32),
        # Its flags are behind a pointer, where no filter sees them. Without it, libraries use `clone`.
        (_JUMP_EQUAL, "unknown", 0, _CLONE3),
        *((_JUMP_EQUAL, "refuse", 0, number) for number in refused),
        (_JUMP_EQUAL, 0, "allow", machine.clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_SET, "refuse", "allow", _NAMESPACES),
    ]
    ends = {"allow": _ALLOW, "refuse": _ERROR | errno.EPERM, "unknown": _ERROR | errno.ENOSYS}
    return _assembled(steps, ends)


def _assembled(steps: Sequence[tuple[int, int | str, int | str, int]], ends: Mapping[str, int]) -> bytes:
    """Put distances in the place of names. Returns: the instructions."""
    places = {name: len(steps) + index for index, name in enumerate(ends)}

    def distance(target: int | str, index: int) -> int:
        return target if isinstance(target, int) else places[target] - index - 1

    lines = [
        struct.pack("HBBI", code, distance(met, index), distance(failed, index), value)
        for index, (code, met, failed, value) in enumerate(steps)
    ]
    return b"".join([*lines, *(struct.pack("HBBI", _RETURN, 0, 0, value) for value in ends.values())])
