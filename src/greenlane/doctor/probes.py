"""Questions to the machine and the network, each with a bound on its time, asked all at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from greenlane.config.lanes import Instead
from greenlane.config.services import model_names
from greenlane.doctor.values import Scene
from greenlane.environment.installers import find_uv
from greenlane.environment.variables import install_environment
from greenlane.environment.yaml_file import read_yaml
from greenlane.errors import GreenlaneError
from greenlane.judge.address import canonical_url
from greenlane.run.guards import Look, look_around
from greenlane.util.http_probe import get
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


def questions(scene: Scene, seconds: float) -> dict[str, Callable[[], Any]]:
    """Return what the machine and the network are asked, by name."""
    configuration, context, environ = scene.configuration, scene.context, scene.environ
    asked: dict[str, Callable[[], Any]] = {"isolation": partial(_isolation, seconds)}
    for version in {lane.python for lane in configuration.lanes.values()}:
        asked[f"python {version}"] = partial(_find_python, version, environ, seconds)
    if scene.base.url:
        service = configuration.services.get(configuration.address.service)
        asked["base"] = partial(get, scene.base.url, service.ready if service else "/", seconds * SHARE)
    for name, service in configuration.services.items():
        if service.instead and service.instead.models and (there := environ.get(service.instead.variable, "").strip()):
            asked[f"models of {name}"] = partial(_models_of, service.instead, there, seconds)
    read = partial(read_yaml, context=context, build=False)
    asked["guards"] = partial(look_around, Look(context=context, strict=scene.request.strict, read_yaml=read))
    return asked


def ask(asked: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """Return the answers that came in so many seconds, by name; an expected failure is an answer, too.

    A question that is still open then is left to its thread, which ends with the process: a name look-up, say, cannot
    be broken off.
    """
    answers: dict[str, Any] = {}

    def answer(name: str, question: Callable[[], Any]) -> None:
        try:
            answers[name] = question()
        except (OSError, GreenlaneError, subprocess.SubprocessError) as error:
            answers[name] = error

    threads = [threading.Thread(target=answer, args=one, name=f"doctor-{one[0]}", daemon=True) for one in asked.items()]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def _isolation(seconds: float) -> Any:
    """Return how far a lane could be cut off here: a child of ours tries it."""
    command, environ = [sys.executable, "-P", "-s", "-c", _ISOLATION], harness_environment({})
    return json.loads(subprocess.run(command, env=environ, capture_output=True, timeout=seconds, check=True).stdout)


def _find_python(version: str, environ: Mapping[str, str], seconds: float) -> str:
    """Return the path of an interpreter as an installation would find it; empty when it is not there.

    Args:
        version: as `3.12`; empty for the one that runs us.
    """
    uv = find_uv(environ)
    if uv is None or not version:
        return (shutil.which(f"python{version}", path=environ.get("PATH")) or "") if version else sys.executable
    command = [uv, "python", "find", "--no-project", "--offline", version]
    outer = install_environment(environ)
    done = subprocess.run(command, env=outer, capture_output=True, text=True, timeout=seconds, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _models_of(instead: Instead, there: str, seconds: float) -> str:
    """Return the models that somebody else's server lists, or why it lists none; the look takes a share of the time."""
    try:
        status, text = get(canonical_url(there), instead.models, seconds * SHARE)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    try:
        return ", ".join(model_names(json.loads(text))) or f"it lists no model (status {status})"
    except ValueError:
        return f"it is no model server (status {status})"
