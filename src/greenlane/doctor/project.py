"""What the doctor sees of the project: lanes, what is expected, options and environment names."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec

from greenlane.config.names import canonical
from greenlane.config.services import switched_off
from greenlane.config.variables import variables
from greenlane.doctor.values import Problem, Scene, Section, some
from greenlane.environment.drift import MANIFEST
from greenlane.evidence.violation import EXPLANATIONS, Code
from greenlane.judge.requirements import checks_of, needed_lanes
from greenlane.run.pytest_arguments import worker_count

WORKERS = "PYTEST_XDIST_AUTO_NUM_WORKERS"
SELECTING = ("--deselect", "--lf", "--last-failed", "--sw", "--stepwise", "--ignore", "--collect-only", "--co")
"""Options in PYTEST_ADDOPTS that make a run partial, beside `-k` and `-m`."""

_PRIVATE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def lanes(scene: Scene) -> Section:
    """Return the lanes as they would run; a test path that does not exist is a problem."""
    root, facts, problems = scene.context.settings.root, [], []
    for lane in scene.configuration.lanes.values():
        needed = lane.name in scene.request.lanes
        built = (root / scene.configuration.environments / lane.name / MANIFEST).exists()
        absent = [test for test in lane.tests if not (root / test).exists()]
        facts.append({
            "name": lane.name, "needed": needed, "kind": lane.kind.value, "checks": checks_of(lane),
            "budget": lane.budget or 0.0, "services": lane.services,
            "environment": "built" if built else "not built yet",
            "workers": worker_count(lane, os.cpu_count() or 1, scene.environ.get(WORKERS, "")),
        })  # fmt: skip
        if absent:
            message = f"lanes.{lane.name}.tests: {', '.join(absent)} does not exist"
            step = f"make it, or change `tests` of [tool.greenlane.lanes.{lane.name}]"
            problems.append(Problem(code=Code.CONFIG_ERROR, message=message, next_step=step, stands=needed))
    others = [name for name in scene.configuration.lanes if name not in scene.request.lanes]
    beside = f"; beside them {some(others)}" if others else ""
    summary = f"needed {some(scene.request.lanes) or 'none'}{beside}"
    return Section(name="lanes", summary=summary, facts=facts, problems=problems)


def expected(scene: Scene) -> Section:
    """Return what must run and pass; a name that could not run now is a problem."""
    reasons = {name: switched_off(s, scene.environ) for name, s in scene.configuration.services.items()}
    reasons |= {gate.provider: gate.reason for gate in scene.gates if not gate.open}
    wanted = canonical(scene.configuration, scene.context.settings.expected, "READINESS_EXPECT")
    facts, problems = [], []
    for name in scene.request.expected:
        source = "READINESS_EXPECT" if name in wanted else f"policies.{scene.request.policy}.expect"
        lanes, reason = needed_lanes(scene.configuration, (), (name,), False), reasons.get(name, "")
        facts.append({"name": name, "source": source, "lanes": lanes, "blocked": reason})
        if reason:
            code, message = Code.EXPECTED_NOT_RUN, f"{name} is expected ({source}) and could not run: {reason}"
            problems.append(Problem(code=code, message=message, next_step=EXPLANATIONS[code].next_step))
    return Section(name="expected", summary=some(scene.request.expected), facts=facts, problems=problems)


def environment(scene: Scene) -> Section:
    """Return the names that are read, with their values; a selection in PYTEST_ADDOPTS is a problem."""
    found, problems = variables(scene.configuration, scene.environ), []
    words = shlex.split(scene.environ.get("PYTEST_ADDOPTS", ""))
    if chosen := [word for word in words if word.startswith(("-k", "-m")) or word.split("=")[0] in SELECTING]:
        message = f"PYTEST_ADDOPTS selects tests ({' '.join(chosen)}): the run would be partial"
        step = "unset PYTEST_ADDOPTS, or take the selection out of it"
        problems = [Problem(code=Code.PARTIAL, message=message, next_step=step)]
    given = [variable.name for variable in found if variable.value is not None]
    summary = f"{len(given)} of {len(found)} names set{f': {some(given)}' if given else ''}"
    return Section(name="environment", summary=summary, facts=msgspec.to_builtins(found), problems=problems)


def options(scene: Scene) -> Section:
    """Return every option that is not at its default, with the source of its value."""
    settings = scene.context.settings
    content = msgspec.to_builtins(settings)
    facts = [{"key": k, "value": _shown(k, _value(content, k)), "source": s} for k, s in settings.sources.items()]
    requested = scene.environ.get(WORKERS, "").strip()
    for name, lane in scene.configuration.lanes.items():
        if lane.workers == "auto" and requested:
            facts.append({"key": f"lanes.{name}.workers", "value": requested, "source": f"environment {WORKERS}"})
    outside = [fact["key"] for fact in facts if fact["source"].startswith("environment")]
    summary = f"{len(facts)} not at their default{f', by the environment: {some(outside)}' if outside else ''}"
    return Section(name="options", summary=summary, facts=facts)


def _value(content: Mapping[str, Any], key: str) -> object:
    """Return the value at a key path; the longest name that fits is taken, for names may hold dots."""
    value: Any = content if key in content else content["configuration"]
    words = key.split(".")
    while words and isinstance(value, Mapping):
        size = next((n for n in range(len(words), 0, -1) if ".".join(words[:n]) in value), len(words))
        value, words = value.get(".".join(words[:size])), words[size:]
    return value


def _shown(key: str, value: object) -> str:
    """Return a value as JSON; what is set in a variable whose name speaks of a secret is left out."""
    if key.endswith(("env", "gives")) and isinstance(value, list | tuple):
        pairs = [entry.partition("=") for entry in value]
        value = [f"{name}{sign}{'…' if sign and _PRIVATE.search(name) else text}" for name, sign, text in pairs]
    return msgspec.json.encode(value).decode()
