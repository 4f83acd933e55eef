"""What the doctor sees of the machine: locks, interpreters, and how far lanes can be cut off."""

from __future__ import annotations

import platform
from collections import Counter

import msgspec

from greenlane.doctor.values import Problem, Scene, Section
from greenlane.environment.lock_state import lock_states
from greenlane.evidence.violation import Code

STEPS = {
    "missing": "make it with `nox -s lock`",
    "refused": "pin another version, then `nox -s lock`",
    "stale": "renew it with `nox -s lock`",
}
"""The next step for each state of a lock that is not as it should be; a stale one can still be installed."""

UNENCLOSED = {"unknown": "ask again with more time: greenlane doctor --patience 10"}
"""The next step where the kernel has not said what would help."""


def locks(scene: Scene) -> Section:
    """Return the state of every lock; those that are not fresh are problems."""
    found = lock_states(scene.context.settings)
    counts = Counter(lock.state for lock in found)
    problems = [
        Problem(
            code=Code.CONFIG_ERROR, next_step=STEPS[lock.state],
            message=f"lock {lock.path} is {lock.state}{f': {lock.reason}' if lock.reason else ''}",
            stands=lock.state != "stale" and bool(set(scene.request.lanes) & set(lock.lanes)),
        )
        for lock in found if lock.state in STEPS
    ]  # fmt: skip
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    return Section(name="locks", summary=summary, facts=msgspec.to_builtins(found), problems=problems)


def interpreters(scene: Scene) -> Section:
    """Return the interpreters that lanes need; one that is not there is a problem."""
    users: dict[str, list[str]] = {}
    for lane in scene.configuration.lanes.values():
        users.setdefault(lane.python, []).append(lane.name)
    facts, problems = [], []
    for asked, names in users.items():
        answer, version = scene.answers.get(f"python {asked}"), asked or platform.python_version()
        facts.append({"version": version, "path": answer if isinstance(answer, str) else "", "lanes": names})
        if not facts[-1]["path"]:
            message = f"Python {version}, which {', '.join(names)} needs, is not there"
            step = f"install Python {version} so that it is on the PATH, or change `python` of the lane"
            needed = bool(set(scene.request.lanes) & set(names))
            problems.append(Problem(code=Code.CONFIG_ERROR, message=message, next_step=step, stands=needed))
    summary = ", ".join(f"Python {fact['version']}{'' if fact['path'] else ' (not found)'}" for fact in facts)
    return Section(name="interpreters", summary=summary, facts=facts, problems=problems)


def isolation(scene: Scene) -> Section:
    """Return the level of isolation; a deterministic lane that the kernel would not cut off is a problem."""
    answer = scene.answers.get("isolation")
    unknown = {"level": "unknown", "reason": str(answer or "the probe did not answer in time"), "fix": ""}
    facts = answer if isinstance(answer, dict) else unknown
    level, problems = facts["level"], []
    lanes = [lane.name for lane in scene.configuration.lanes.values() if lane.deterministic]
    if level != "kernel" and lanes:
        message = f"hermetic level is {level}, not kernel: {facts['reason']}"
        step = facts["fix"] or UNENCLOSED.get(level, "run on Linux, which can cut a lane off")
        needed = scene.request.strict and bool(set(lanes) & set(scene.request.lanes))
        problems = [Problem(code=Code.NETWORK, message=message, next_step=step, stands=needed)]
    return Section(name="isolation", summary=level, facts=facts, problems=problems)
