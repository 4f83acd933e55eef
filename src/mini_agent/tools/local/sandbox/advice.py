"""What the operator of a machine can do about a kernel that refuses namespaces, as far as the kernel says why."""

from __future__ import annotations

_SYSCTLS = (
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
)


#: A mount there covers nothing, and most machines have one.
_EMPTY = "/proc/sys/fs/binfmt_misc"


def advice(proc: str = "/proc") -> str:
    """Returns: what would help, empty when nothing is known. proc: where the proc file system is."""
    for path, refusing, setting in _SYSCTLS:
        if _read(f"{proc}/sys/{path}") == refusing:
            return f"run `sudo sysctl -w {setting}`"
    if "Seccomp:\t2" in _read(f"{proc}/self/status"):
        return (
            "start the gateway's container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined`, or its unit of systemd without RestrictNamespaces="
        )
    places = [line.split()[4] for line in _read(f"{proc}/self/mountinfo").splitlines()]
    if any(place.startswith("/proc/") and place != _EMPTY for place in places):
        return (
            "parts of /proc are covered: start the gateway's container with `--security-opt systempaths=unconfined` "
            "or its unit of systemd without ProtectKernelTunables= and ProtectProc="
        )
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
