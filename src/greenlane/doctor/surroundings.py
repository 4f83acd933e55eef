"""What the doctor sees around the project: the base, guards, services and live providers."""

from __future__ import annotations

from typing import Any

from greenlane.config.lanes import Service
from greenlane.config.services import switched_off
from greenlane.doctor.values import Problem, Scene, Section, of_note, some
from greenlane.errors import GreenlaneError
from greenlane.evidence.violation import Code
from greenlane.judge.address import disagreements, endpoints, own_place, resolve
from greenlane.judge.gates import secret_state
from greenlane.judge.requirements import lane_of_provider


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
    shown = f"{url} from {facts['source']}: {facts['answer']}" if url else f"follows {started}" if service else ""
    return Section(name="base", summary=shown, facts=facts, problems=_of_base(scene, facts))


def _of_base(scene: Scene, facts: dict[str, Any]) -> list[Problem]:
    """Return what is wrong with the base: no address, several of them, or nobody there."""
    address = scene.configuration.address
    try:
        found = resolve(address, scene.environ)
    except ValueError as error:
        step = "give an address such as http://127.0.0.1:8788, or unset the variable"
        return [Problem(code=Code.CONFIG_ERROR, message=str(error), next_step=step)]
    problems = [of_note(note) for note in disagreements(address, found, scene.environ, scene.request.strict)]
    if not facts["reachable"] and not facts["starts"]:
        message = f"nothing answers at {facts['url']} ({facts['source']}): {facts['answer']}"
        step = "start it there, or unset the variable: the harness then starts the service itself"
        meets = any(not scene.configuration.lanes[name].deterministic for name in scene.request.lanes)
        problems.append(Problem(code=Code.SERVICE_DOWN, message=message, next_step=step, stands=meets))
    return problems


def guards(scene: Scene) -> Section:
    """Return what each guard says; what it would refuse is a problem."""
    answer = scene.answers.get("guards")
    if not isinstance(answer, dict):
        message = answer.message if isinstance(answer, GreenlaneError) else "the guards gave no answer in time"
        problem = Problem(code=Code.CONFIG_ERROR, message=message, next_step="correct the file, or unset the variable")
        return Section(name="guards", summary="", facts={}, problems=(problem,))
    facts = {name: "; ".join(guarded.facts) for name, guarded in answer.items() if guarded.facts}
    problems = [of_note(note) for guarded in answer.values() for note in guarded.notes]
    summary = "; ".join(f"{name}: {text}" for name, text in facts.items())
    return Section(name="guards", summary=summary, facts=facts, problems=problems)


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
    summary = some([f"{fact['name']}{' (off)' if fact['off'] else ''}" for fact in facts])
    return Section(name="services", summary=summary, facts=facts)


def _place(scene: Scene, name: str, service: Service) -> str:
    """Return where a service would listen."""
    if not scene.base.url or name != scene.configuration.address.service:
        return "a free port of its own"
    silent = "started there when nobody listens" if own_place(service, scene.base.url) else "not started"
    return f"{scene.base.url} is examined, {silent}"


def providers(scene: Scene) -> Section:
    """Return every live provider's gate, with whether each of its secrets is `present`, `blank` or `absent`."""
    owners, declared = lane_of_provider(scene.configuration), scene.configuration.providers
    facts: list[dict[str, Any]] = [
        {
            "provider": gate.provider, "lane": owners.get(gate.provider, "none"), "open": gate.open,
            "reason": gate.reason,
            "secrets": {name: secret_state(scene.environ.get(name)) for name in declared[gate.provider].secrets},
        }
        for gate in scene.gates
    ]  # fmt: skip
    ready = [fact["provider"] for fact in facts if fact["open"]]
    opened = f"{len(ready)} of {len(facts)} open{f': {some(ready)}' if ready else ''}"
    return Section(name="live providers", summary=opened if facts else "", facts=facts)
