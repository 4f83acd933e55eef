"""What the doctor sees around the project: the machine, the base, guards, services and live providers."""

from __future__ import annotations

import platform
from typing import Any

from greenlane.config.lanes import Service
from greenlane.config.services import switched_off
from greenlane.doctor.values import Problem, Scene, Section, some
from greenlane.errors import ConfigError, GreenlaneError
from greenlane.evidence.violation import Code
from greenlane.judge.address import endpoints, own_place
from greenlane.judge.gates import secret_state
from greenlane.judge.requirements import lane_of_provider
from greenlane.run.gates import check_addresses

UNENCLOSED = {"unknown": "ask again with more time: greenlane doctor --patience 10"}
"""The next step where the kernel has not said what would help."""


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
            problems.append(Problem(Code.CONFIG_ERROR, message, step, scene.needs(names)))
    summary = ", ".join(f"Python {fact['version']}{'' if fact['path'] else ' (not found)'}" for fact in facts)
    return Section("interpreters", summary, facts, problems)


def isolation(scene: Scene) -> Section:
    """Return the level of isolation; a deterministic lane that the kernel would not cut off is a problem."""
    answer = scene.answers.get("isolation", "the probe did not answer in time")
    facts = answer if isinstance(answer, dict) else {"level": "unknown", "reason": str(answer), "fix": ""}
    level, problems = facts["level"], []
    lanes = [lane.name for lane in scene.configuration.lanes.values() if lane.deterministic]
    if level != "kernel" and lanes:
        message = f"hermetic level is {level}, not kernel: {facts['reason']}"
        step = facts["fix"] or UNENCLOSED.get(level, "run on Linux, which can cut a lane off")
        problems = [Problem(Code.NETWORK, message, step, scene.request.strict and scene.needs(lanes))]
    return Section("isolation", level, facts, problems)


def base(scene: Scene) -> Section:
    """Return the one base, what its variables say, and what answers there."""
    address, url, answer = scene.configuration.address, scene.base.url, scene.answers.get("base")
    names = [n for n in (address.variable, *address.same, address.host_variable, address.port_variable) if n]
    carried = endpoints(address, url) if url else {}
    follows = {name: f"{carried.get(name) or 'set when the service has started'} (follows the base)" for name in names}
    said = {name: f"{scene.environ[name]} (environment)" for name in names if scene.environ.get(name, "").strip()}
    service = scene.configuration.services.get(address.service)
    started = f"service {address.service}, started on a free port" if service else "nothing"
    why = str(answer.strerror or answer) if isinstance(answer, OSError) else "no answer in time"
    facts = {
        "url": url, "source": scene.base.source if url else started,
        "answer": "" if not url else f"status {answer[0]}" if isinstance(answer, tuple) else why,
        "reachable": isinstance(answer, tuple) or not url,
        "starts": isinstance(answer, ConnectionRefusedError) and service is not None and bool(own_place(service, url)),
        "variables": {**follows, **said},
    }  # fmt: skip
    summary = f"{url} from {facts['source']}: {facts['answer']}" if url else f"follows {started}" if service else ""
    return Section("base", summary, facts, _of_base(scene, facts))


def _of_base(scene: Scene, facts: dict[str, Any]) -> list[Problem]:
    """Return what is wrong with the base: no address, several of them, or nobody there."""
    try:
        problems = [Problem.of(note) for note in check_addresses(scene.context, scene.request.strict)]
    except ConfigError as error:
        step = "give an address such as http://127.0.0.1:8788, or unset the variable"
        return [Problem(Code.CONFIG_ERROR, error.message, step)]
    if not facts["reachable"] and not facts["starts"]:
        message = f"nothing answers at {facts['url']} ({facts['source']}): {facts['answer']}"
        step = "start it there, or unset the variable: the harness then starts the service itself"
        meets = any(not scene.configuration.lanes[name].deterministic for name in scene.request.lanes)
        problems.append(Problem(Code.SERVICE_DOWN, message, step, meets))
    return problems


def guards(scene: Scene) -> Section:
    """Return what each guard says; what it would refuse is a problem."""
    answer = scene.answers.get("guards")
    if not isinstance(answer, dict):
        message = answer.message if isinstance(answer, GreenlaneError) else "the guards gave no answer in time"
        problem = Problem(Code.CONFIG_ERROR, message, "correct the file, or unset the variable")
        return Section("guards", "", {}, [problem])
    facts = {name: "; ".join(guarded.facts) for name, guarded in answer.items() if guarded.facts}
    problems = [Problem.of(note) for guarded in answer.values() for note in guarded.notes]
    return Section("guards", "; ".join(f"{name}: {text}" for name, text in facts.items()), facts, problems)


def services(scene: Scene) -> Section:
    """Return every service: where it would listen, why a run would do without it, and who would stand in for it."""
    facts = [
        {
            "name": name, "lanes": [lane.name for lane in scene.configuration.lanes.values() if name in lane.services],
            "port": _place(scene, name, service), "off": switched_off(service, scene.environ),
            "instead": scene.environ.get(service.instead.variable, "") if service.instead else "",
            "models": scene.answers.get(f"models of {name}", ""),
        }
        for name, service in scene.configuration.services.items()
    ]  # fmt: skip
    return Section("services", some([f"{fact['name']}{' (off)' if fact['off'] else ''}" for fact in facts]), facts)


def _place(scene: Scene, name: str, service: Service) -> str:
    """Return where a service would listen."""
    if not scene.base.url or name != scene.configuration.address.service:
        return "a free port of its own"
    silent = "started there when nobody listens" if own_place(service, scene.base.url) else "not started"
    return f"{scene.base.url} is examined, {silent}"


def providers(scene: Scene) -> Section:
    """Return every live provider's gate, with whether each of its secrets is `present`, `blank` or `absent`."""
    owners, declared = lane_of_provider(scene.configuration), scene.configuration.providers
    facts = [
        {
            "provider": gate.provider, "lane": owners.get(gate.provider, "none"), "open": gate.open,
            "reason": gate.reason,
            "secrets": {name: secret_state(scene.environ.get(name)) for name in declared[gate.provider].secrets},
        }
        for gate in scene.gates
    ]  # fmt: skip
    ready = [gate.provider for gate in scene.gates if gate.open]
    summary = f"{len(ready)} of {len(facts)} open{f': {some(ready)}' if ready else ''}" if facts else ""
    return Section("live providers", summary, facts)
