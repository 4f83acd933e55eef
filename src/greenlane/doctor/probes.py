"""Questions to the machine, each with a bound on its time, asked all at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from greenlane.config.lanes import Instead
from greenlane.config.services import model_names
from greenlane.environment.installers import find_uv
from greenlane.environment.variables import install_environment
from greenlane.errors import GreenlaneError
from greenlane.judge.address import canonical_url
from greenlane.util import http_probe
from greenlane.util.launch import harness_environment

PATIENCE = 1.2
"""Seconds until all questions together must be answered, unless the user has more time."""

SHARE = 2 / 3
"""Part of that time for one connection, and for one answer over it: two follow each other at most."""

_ISOLATION = """
import json, time
from greenlane.supervisor.namespace import enter
began = time.perf_counter()
found = enter()
spent = (time.perf_counter() - began) * 1000
print(json.dumps({"level": found.level, "reason": found.reason, "fix": found.fix, "milliseconds": round(spent, 1)}))
"""


def ask(questions: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """Return the answers that came in time, by name.

    A question that is still open then is left to its thread, which ends with the process: a name look-up, say, cannot
    be broken off.

    Args:
        questions: what is asked; an expected failure of it is an answer, too.
        seconds: for all of them together.
    """
    answers: dict[str, Any] = {}

    def answer(name: str, question: Callable[[], Any]) -> None:
        try:
            answers[name] = question()
        except (OSError, GreenlaneError) as error:
            answers[name] = error

    threads = [
        threading.Thread(target=answer, args=(name, question), name=f"doctor-{name}", daemon=True)
        for name, question in questions.items()
    ]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def isolation(seconds: float) -> dict[str, Any]:
    """Return how far a lane could be cut off here: a child of ours tries it, for so many seconds at most.

    Raises:
        OSError: the child cannot be started, or did not end in time.
    """
    command, environ = [sys.executable, "-P", "-s", "-c", _ISOLATION], harness_environment({})
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=seconds, check=True)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise OSError(f"the probe of the isolation failed: {error}") from error
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def find_python(version: str, environ: Mapping[str, str], seconds: float) -> str:
    """Return the path of an interpreter as an installation would find it; empty when it is not there.

    Args:
        version: as `3.12`; empty for the one that runs us.
        seconds: for the answer.
    """
    if not version:
        return sys.executable
    uv = find_uv(environ)
    if uv is None:
        return shutil.which(f"python{version}", path=environ.get("PATH")) or ""
    command = [uv, "python", "find", "--no-project", "--offline", version]
    try:
        done = subprocess.run(
            command, env=install_environment(environ), capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(str(error)) from error
    return done.stdout.strip() if done.returncode == 0 else ""


def models_of(instead: Instead, base: str, seconds: float) -> str:
    """Return the models that somebody else's server lists, or why it lists none; the look takes a share of the time."""
    try:
        status, text = http_probe.get(canonical_url(base), instead.models, seconds * SHARE)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    try:
        return ", ".join(model_names(json.loads(text))) or f"it lists no model (status {status})"
    except ValueError:
        return f"it is no model server (status {status})"
