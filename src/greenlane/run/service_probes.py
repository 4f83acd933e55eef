"""Whether a service can be had: on this machine, or from somebody else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from greenlane.config.lanes import Service
from greenlane.config.variables import split_entries
from greenlane.util.http_probe import get

PROBED = ("PATH", "HOME", "TMPDIR", "LANG", "XDG_RUNTIME_DIR")
"""What every probe of a service may see of the caller's environment."""

INSTEAD_SECONDS = 2.0
"""Seconds that somebody else's server gets to answer in before ours is started."""


def lack_of(service: Service, project: Path, environ: Mapping[str, str]) -> str:
    """Return why a service's probe says that this machine cannot have it; empty when it can.

    Args:
        project: folder that it is asked in.
        environ: the caller's environment; the probe sees its essentials and what the service may see.
    """
    program = shutil.which(service.probe[0], path=environ.get("PATH"))
    if program is None:
        return f"{service.probe[0]} is not installed"
    known = {name: environ[name] for name in PROBED if name in environ}
    names, values = split_entries(service.env)
    seen = {**known, **{name: environ[name] for name in names if name in environ}, **values}
    try:
        done = subprocess.run(
            [program, *service.probe[1:]], cwd=project, env=seen, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=service.start_timeout, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{service.probe[0]} did not answer within {service.start_timeout:g} s"
    except OSError as error:
        return f"{service.probe[0]} cannot be started: {error.strerror}"
    said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return "" if done.returncode == 0 else (said or [f"{service.probe[0]} ended with {done.returncode}"])[-1]


def unanswered(base: str, path: str) -> str:
    """Return why a server does not answer a GET with 200; empty when it does."""
    try:
        status, _ = get(base, path, INSTEAD_SECONDS)
    except OSError as error:
        return str(error) or type(error).__name__
    return "" if status == 200 else f"GET {path} gave status {status}"
