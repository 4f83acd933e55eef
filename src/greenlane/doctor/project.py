"""What the doctor sees of the project: lanes and their evidence, locks, what is expected, options and names."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from greenlane.config.names import canonical
from greenlane.config.services import switched_off
from greenlane.config.variables import variables
from greenlane.doctor.values import Problem, Scene, Section, some
from greenlane.environment.drift import MANIFEST
from greenlane.environment.lock_state import lock_states
from greenlane.environment.wheels import harness_state
from greenlane.evidence.violation import EXPLANATIONS, Code
from greenlane.judge.requirements import checks_of, needed_lanes
from greenlane.run.kept import outlook
from greenlane.run.pytest_arguments import worker_count
from greenlane.run.request import lane_as_asked

WORKERS = "PYTEST_XDIST_AUTO_NUM_WORKERS"
SELECTING = ("--deselect", "--lf", "--last-failed", "--sw", "--stepwise", "--ignore", "--collect-only", "--co")
"""Options in PYTEST_ADDOPTS that make a run partial, beside `-k` and `-m`."""

STEPS = {
    "missing": "make it with `nox -s lock`",
    "refused": "pin another version, then `nox -s lock`",
    "stale": "renew it with `nox -s lock`",
}
"""The next step for each state of a lock that is not as it should be; a stale one can still be installed."""

_PRIVATE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def lanes(scene: Scene) -> Section:
    """Return the lanes as they would run; a test path that does not exist is a problem."""
    root, facts, problems = scene.context.settings.root, [], []
    for lane in scene.configuration.lanes.values():
        built = (root / scene.configuration.environments / lane.name / MANIFEST).exists()
        facts.append({
            "name": lane.name, "needed": scene.needs([lane.name]), "kind": lane.kind.value, "checks": checks_of(lane),
            "budget": lane.budget or 0.0, "services": lane.services,
            "environment": "built" if built else "not built yet",
            "workers": worker_count(lane, os.cpu_count() or 1, scene.environ.get(WORKERS, "")),
        })  # fmt: skip
        if absent := [test for test in lane.tests if not (root / test).exists()]:
            message = f"lanes.{lane.name}.tests: {', '.join(absent)} does not exist"
            step = f"make it, or change `tests` of [tool.greenlane.lanes.{lane.name}]"
            problems.append(Problem(Code.CONFIG_ERROR, message, step, scene.needs([lane.name])))
    others = [name for name in scene.configuration.lanes if not scene.needs([name])]
    beside = f"; beside them {some(others)}" if others else ""
    return Section("lanes", f"needed {some(scene.request.lanes) or 'none'}{beside}", facts, problems)


def expected(scene: Scene) -> Section:
    """Return what must run and pass; a name that could not run now is a problem."""
    reasons = {name: switched_off(s, scene.environ) for name, s in scene.configuration.services.items()}
    reasons |= {gate.provider: gate.reason for gate in scene.gates if not gate.open}
    wanted = canonical(scene.configuration, scene.context.settings.expected, "READINESS_EXPECT")
    code, facts, problems = Code.EXPECTED_NOT_RUN, [], []
    for name in scene.request.expected:
        source = "READINESS_EXPECT" if name in wanted else f"policies.{scene.request.policy}.expect"
        needed, reason = needed_lanes(scene.configuration, (), (name,), False), reasons.get(name, "")
        facts.append({"name": name, "source": source, "lanes": needed, "blocked": reason})
        if reason:
            message = f"{name} is expected ({source}) and could not run: {reason}"
            problems.append(Problem(code, message, EXPLANATIONS[code].next_step))
    return Section("expected", some(scene.request.expected), facts, problems)


def evidence(scene: Scene) -> Section:
    """Return, for each deterministic check of the policy, whether it would be run, and why."""
    settings, reasons = scene.context.settings, dict[str, str]()
    harness = harness_state()
    for lane in (lane_as_asked(settings, scene.request, name) for name in scene.request.lanes):
        for check in checks_of(lane) if lane.deterministic else ():
            artifacts = settings.root / settings.configuration.artifacts / check
            fresh = "" if scene.request.reuse else "the policy asks for a fresh run"
            reasons[check] = fresh or outlook(settings, lane, check, artifacts, harness)
    runs = [f"{check} would run: {why}" for check, why in reasons.items() if why]
    still = ", ".join(check for check, why in reasons.items() if not why)
    parts = [*runs[:1], f"{len(runs) - 1} more would run" if len(runs) > 1 else ""]
    parts += [f"{still} may be used again"] if still else []
    facts = [{"name": check, "runs": bool(why), "why": why} for check, why in reasons.items()]
    return Section("evidence", "; ".join(filter(None, parts)), facts)


def locks(scene: Scene) -> Section:
    """Return the state of every lock; those that are not fresh are problems."""
    found = lock_states(scene.context.settings)
    problems = [
        Problem(
            Code.CONFIG_ERROR, f"lock {lock.path} is {lock.state}{f': {lock.reason}' if lock.reason else ''}",
            STEPS[lock.state], lock.state != "stale" and scene.needs(lock.lanes),
        )
        for lock in found if lock.state in STEPS
    ]  # fmt: skip
    summary = ", ".join(f"{count} {state}" for state, count in Counter(lock.state for lock in found).items())
    return Section("locks", summary, msgspec.to_builtins(found), problems)


def options(scene: Scene) -> Section:
    """Return every option that is not at its default, with the source of its value."""
    settings = scene.context.settings
    values = dict(_flat(msgspec.to_builtins(settings.configuration))) | msgspec.structs.asdict(settings)
    facts = [{"key": k, "value": _shown(k, values.get(k)), "source": s} for k, s in settings.sources.items()]
    if requested := scene.environ.get(WORKERS, "").strip():
        automatic = [name for name, lane in scene.configuration.lanes.items() if lane.workers == "auto"]
        source = f"environment {WORKERS}"
        facts += [{"key": f"lanes.{name}.workers", "value": requested, "source": source} for name in automatic]
    outside = [fact["key"] for fact in facts if fact["source"].startswith("environment")]
    summary = f"{len(facts)} not at their default{f', by the environment: {some(outside)}' if outside else ''}"
    return Section("options", summary, facts)


def _flat(table: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    """Yield everything in a table and in those inside it, by its key path."""
    for name, value in table.items():
        yield f"{path}{name}", value
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")


def _shown(key: str, value: object) -> str:
    """Return a value as JSON; what is set in a variable whose name speaks of a secret is left out."""
    if key.endswith(("env", "gives")) and isinstance(value, list | tuple):
        pairs = [entry.partition("=") for entry in value]
        value = [f"{name}{sign}{'…' if sign and _PRIVATE.search(name) else text}" for name, sign, text in pairs]
    return msgspec.json.encode(value).decode()


def environment(scene: Scene) -> Section:
    """Return the names that are read, with their values; a selection in PYTEST_ADDOPTS is a problem."""
    found, problems = variables(scene.configuration, scene.environ), []
    words = shlex.split(scene.environ.get("PYTEST_ADDOPTS", ""))
    if chosen := [word for word in words if word.startswith(("-k", "-m")) or word.split("=")[0] in SELECTING]:
        message = f"PYTEST_ADDOPTS selects tests ({' '.join(chosen)}): the run would be partial"
        problems = [Problem(Code.PARTIAL, message, "unset PYTEST_ADDOPTS, or take the selection out of it")]
    given = [variable.name for variable in found if variable.value is not None]
    summary = f"{len(given)} of {len(found)} names set{f': {some(given)}' if given else ''}"
    return Section("environment", summary, msgspec.to_builtins(found), problems)
