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

import msgspec

from greenlane.config.services import model_names
from greenlane.doctor.values import HermeticState, ModelServer
from greenlane.environment.installers import find_uv
from greenlane.environment.variables import install_environment
from greenlane.errors import GreenlaneError
from greenlane.util import http_probe
from greenlane.util.launch import harness_environment

PATIENCE = 1.2
"""Seconds until all questions together must be answered, unless the user has more time."""

SHARE = 2 / 3
"""Part of that time for one connection, and for one answer over it: two follow each other at most."""

_HERMETIC = """
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


def hermetic_level(seconds: float) -> HermeticState:
    """Return how far a lane could be cut off here: a child of ours tries it, for so many seconds at most.

    Raises:
        OSError: the child cannot be started, or did not end in time.
    """
    command = [sys.executable, "-P", "-s", "-c", _HERMETIC]
    try:
        done = subprocess.run(
            command, env=harness_environment({}), capture_output=True, text=True, timeout=seconds, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise OSError(f"the probe of the isolation failed: {error}") from error
    return msgspec.json.decode(done.stdout, type=HermeticState)


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


def get(base: str, path: str, seconds: float) -> tuple[int, str]:
    """Return status and text of a GET, which may take a share of so many seconds.

    Raises:
        OSError: there was no answer, with the reason.
    """
    return http_probe.get(base, path, seconds * SHARE)


def model_server(base: str, source: str, seconds: float) -> ModelServer:
    """Return what a model server at an address says: its version and tags, or the plain list of models."""
    try:
        status, text = get(base, "/api/version", seconds)
        version = str(_table(text).get("version", "")) if status == 200 else ""
        status, text = get(base, "/api/tags" if version else "/v1/models", seconds)
    except OSError as error:
        return ModelServer(address=base, source=source, reason=error.strerror or str(error))
    if status != 200:
        return ModelServer(address=base, source=source, reason=f"is no model server (status {status})")
    return ModelServer(address=base, source=source, version=version, models=tuple(model_names(_table(text))))


def _table(text: str) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
