"""A PostgreSQL server of a test's own, reached over a socket in its folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "nobody"
"""Who runs the server where we are root: it refuses to be root's."""


def binaries() -> Path | None:
    """Return the folder of the server's programs; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """Start a server, give the address of its database, stop it and remove everything.

    Args:
        programs: folder of `initdb` and `pg_ctl`.
    """
    # The lane's own temporary folder is private to its user, and the socket's path may be a hundred bytes long.
    folder = Path(tempfile.mkdtemp(prefix="greenlane-pg-", dir="/tmp"))
    as_user = ["setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, USER)
    data, log = str(folder / "data"), str(folder / "log")
    control = [*as_user, str(programs / "pg_ctl"), "-D", data]
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=40"

    def run(*words: str) -> None:
        subprocess.run(
            words, check=True, stdout=subprocess.DEVNULL, cwd=folder, env={"PATH": os.defpath, "LC_ALL": "C"}
        )

    try:
        run(*as_user, str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "greenlane", "--no-sync", "-E", "UTF8")
        run(*control, "-l", log, "-o", options, "-w", "-t", "20", "start")
        try:
            yield f"postgresql://greenlane@/postgres?host={folder}"
        finally:
            run(*control, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
