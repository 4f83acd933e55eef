"""What would happen and why: everything that a run would look at, looked at without running anything."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Lane, Service
from greenlane.config.load import Settings
from greenlane.config.names import canonical
from greenlane.config.services import switched_off
from greenlane.config.variables import variables
from greenlane.doctor import probes
from greenlane.doctor.diagnosis import of_note, problems
from greenlane.doctor.lock_state import lock_states
from greenlane.doctor.values import (
    BaseState,
    Demanded,
    Diagnosis,
    GateReport,
    HermeticState,
    InterpreterState,
    LaneState,
    ModelServer,
    Option,
    Problem,
    ServiceState,
)
from greenlane.environment.control_environment import NAME as CONTROL
from greenlane.environment.drift import MANIFEST
from greenlane.environment.installers import python_of
from greenlane.environment.yaml_file import read_there, read_yaml
from greenlane.errors import GreenlaneError
from greenlane.evidence.evidence import GateState
from greenlane.evidence.violation import Code
from greenlane.judge.address import Base, canonical_url, disagreements, endpoints, own_place, resolve
from greenlane.judge.gates import secret_state
from greenlane.judge.requirements import checks_of, lane_of_provider, needed_lanes
from greenlane.run.gates import open_gates
from greenlane.run.guards import Look, look_around
from greenlane.run.pytest_arguments import worker_count
from greenlane.run.request import RunRequest, request_of_policy
from greenlane.version import VERSION

_PRIVATE = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def examine(settings: Settings, policy: str, environ: Mapping[str, str], seconds: float = probes.PATIENCE) -> Diagnosis:
    """Return what a run of a policy would find.

    Args:
        settings: the project.
        policy: name of the policy.
        seconds: until the machine and the network must have answered.

    Raises:
        ConfigError: the policy is unknown.
    """
    request = request_of_policy(settings, policy)
    base, notes = _base(settings, environ, request.strict)
    questions = _questions(settings, environ, base, seconds, request.strict)
    answers = probes.ask(questions, seconds)
    gates = open_gates(Context(settings, environ, print))
    guards, lacking = _guards(answers.get("guards"))
    diagnosis = Diagnosis(
        project=settings.project,
        version=VERSION,
        python=platform.python_version(),
        policy=policy,
        strict=request.strict,
        lanes=tuple(_lane(settings, lane, request, environ) for lane in settings.configuration.lanes.values()),
        locks=lock_states(settings),
        interpreters=_interpreters(settings, answers),
        hermetic=_hermetic(answers.get("hermetic")),
        base=_base_state(settings, environ, base, answers.get("base")),
        guards=guards,
        gates=_gates(settings, environ, gates),
        services=_services(settings, environ, base),
        models=_models(answers),
        expected=_expected(settings, request, environ, gates),
        environment=variables(settings.configuration, environ),
        options=_options(settings, environ),
        unanswered=tuple(name for name in questions if name not in answers),
    )
    return msgspec.structs.replace(diagnosis, problems=problems(diagnosis, [*notes, *lacking]))


def _questions(
    settings: Settings, environ: Mapping[str, str], base: Base, seconds: float, strict: bool
) -> dict[str, Callable[[], Any]]:
    """Return what the machine is asked, by name."""
    questions: dict[str, Callable[[], Any]] = {"hermetic": partial(probes.hermetic_level, seconds)}
    for version in {lane.python for lane in settings.configuration.lanes.values()}:
        questions[f"python {version}"] = partial(probes.find_python, version, environ, seconds)
    if base.url:
        service = settings.configuration.services.get(settings.configuration.address.service)
        questions["base"] = partial(probes.get, base.url, service.ready if service else "/", seconds)
    for source, address in _model_addresses(settings, environ).items():
        questions[f"models {source}"] = partial(probes.model_server, address, source, seconds)
    context = Context(settings, environ, print)
    look = Look(context=context, strict=strict, read_yaml=partial(_read_yaml, context))
    questions["guards"] = partial(look_around, look)
    return questions


def _base(settings: Settings, environ: Mapping[str, str], strict: bool) -> tuple[Base, list[Problem]]:
    """Return the base, and what is wrong with the variables that carry it."""
    address = settings.configuration.address
    try:
        base = resolve(address, environ)
    except ValueError as error:
        step = "give an address such as http://127.0.0.1:8788, or unset the variable"
        return Base(), [Problem(code=Code.CONFIG_ERROR, message=str(error), next_step=step)]
    return base, [of_note(note) for note in disagreements(address, base, environ, strict)]


def _base_state(settings: Settings, environ: Mapping[str, str], base: Base, answer: Any) -> BaseState:
    """Return the base with what its address says now."""
    address = settings.configuration.address
    every = (address.variable, *address.same, address.host_variable, address.port_variable)
    names = tuple(filter(None, every))
    carried = endpoints(address, base.url) if base.url else {}
    follows = {name: f"{carried.get(name) or 'set when the service has started'} (follows the base)" for name in names}
    said = {name: f"{environ[name]} (environment)" for name in names if environ.get(name, "").strip()}
    variables = {**follows, **said}
    started = f"service {address.service}, started on a free port" if address.service else "nothing"
    if not base.url:
        return BaseState(url="", source=started, variables=variables)
    if isinstance(answer, tuple):
        return BaseState(url=base.url, source=base.source, variables=variables, answer=f"status {answer[0]}")
    why = str(answer.strerror or answer) if isinstance(answer, OSError) else "no answer in time"
    service = settings.configuration.services.get(address.service)
    starts = isinstance(answer, ConnectionRefusedError) and service is not None and bool(own_place(service, base.url))
    return BaseState(url=base.url, source=base.source, variables=variables, answer=why, reachable=False, starts=starts)


def _read_yaml(context: Context, file: Path) -> Any:
    """Return the content of a YAML file, without building the environment that could read it.

    Raises:
        GreenlaneError: it cannot be read here, or is no YAML.
    """
    control = context.settings.root / context.settings.configuration.environments / CONTROL
    if importlib.util.find_spec("yaml") is not None:
        return read_yaml(file, context)
    if not (control / MANIFEST).exists():
        raise GreenlaneError(f"{file}: YAML is not installed here; `nox -s greenlane -- doctor` can read it")
    return read_there(str(python_of(control)), file, context.environ)


def _guards(answer: Any) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Return what each guard says, and what is wrong by it."""
    if not isinstance(answer, dict):
        reason = answer.message if isinstance(answer, GreenlaneError) else "the guards gave no answer in time"
        step = "correct the file, or unset the variable"
        return {}, [Problem(code=Code.CONFIG_ERROR, message=reason, next_step=step)]
    notes = [of_note(note) for guarded in answer.values() for note in guarded.notes]
    return {name: guarded.facts for name, guarded in answer.items()}, notes


def _lane(settings: Settings, lane: Lane, request: RunRequest, environ: Mapping[str, str]) -> LaneState:
    """Return one lane as it would run."""
    location = settings.root / settings.configuration.environments / lane.name
    return LaneState(
        name=lane.name,
        kind=lane.kind.value,
        checks=checks_of(lane),
        needed=lane.name in request.lanes,
        budget=lane.budget or 0.0,
        workers=worker_count(lane, os.cpu_count() or 1, environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")),
        services=lane.services,
        environment="built" if (location / MANIFEST).exists() else "not built yet",
        absent=tuple(test for test in lane.tests if not (settings.root / test).exists()),
    )


def _interpreters(settings: Settings, answers: Mapping[str, Any]) -> tuple[InterpreterState, ...]:
    """Return the interpreters that lanes need."""
    users: dict[str, list[str]] = {}
    for lane in settings.configuration.lanes.values():
        users.setdefault(lane.python, []).append(lane.name)
    return tuple(
        InterpreterState(
            version=version or platform.python_version(), lanes=tuple(lanes),
            path=found if isinstance(found := answers.get(f"python {version}"), str) else "",
        )
        for version, lanes in users.items()
    )  # fmt: skip


def _hermetic(answer: Any) -> HermeticState:
    """Return the level of isolation; an answer that did not come says so."""
    if isinstance(answer, HermeticState):
        return answer
    return HermeticState(level="unknown", reason=str(answer or "the probe did not answer in time"))


def _gates(settings: Settings, environ: Mapping[str, str], gates: tuple[GateState, ...]) -> tuple[GateReport, ...]:
    """Return every live provider with the names of its secrets."""
    owners = lane_of_provider(settings.configuration)
    declared = settings.configuration.providers
    return tuple(
        GateReport(
            provider=gate.provider, lane=owners.get(gate.provider, ""), open=gate.open, reason=gate.reason,
            secrets={name: secret_state(environ.get(name)) for name in declared[gate.provider].secrets},
        )
        for gate in gates
    )  # fmt: skip


def _services(settings: Settings, environ: Mapping[str, str], base: Base) -> tuple[ServiceState, ...]:
    """Return every service: where it would listen, or why a run would do without it."""
    lanes = settings.configuration.lanes.values()
    followed = settings.configuration.address.service

    def place(name: str, service: Service) -> str:
        if not base.url or name != followed:
            return "a free port of its own"
        silent = "started there when nobody listens" if own_place(service, base.url) else "not started"
        return f"{base.url} is examined, {silent}"

    return tuple(
        ServiceState(
            name=name,
            lanes=tuple(lane.name for lane in lanes if name in lane.services),
            port=place(name, service),
            absent=switched_off(service, environ),
            instead=environ.get(service.instead.variable, "") if service.instead else "",
        )
        for name, service in settings.configuration.services.items()
    )


def _model_addresses(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return where somebody else's model servers are, by the variable that says so."""
    named = {s.instead.variable for s in settings.configuration.services.values() if s.instead and s.instead.models}
    found = {}
    for name in sorted(named):
        if text := environ.get(name, "").strip():
            with contextlib.suppress(ValueError):  # which a run tells where it would use the server
                found[name] = canonical_url(text)
    return found


def _models(answers: Mapping[str, Any]) -> tuple[ModelServer, ...]:
    """Return the model servers that were asked."""
    return tuple(answer for answer in answers.values() if isinstance(answer, ModelServer))


def _expected(
    settings: Settings, request: RunRequest, environ: Mapping[str, str], gates: tuple[GateState, ...]
) -> tuple[Demanded, ...]:
    """Return what must run and pass, and what would keep it from that now."""
    configuration = settings.configuration
    closed = {gate.provider: gate.reason for gate in gates if not gate.open}
    off = {name: switched_off(service, environ) for name, service in configuration.services.items()}
    wanted = canonical(configuration, settings.expected, "READINESS_EXPECT")
    return tuple(
        Demanded(
            name=name,
            source="READINESS_EXPECT" if name in wanted else f"policies.{request.policy}.expect",
            lanes=needed_lanes(configuration, (), (name,), False),
            blocked=closed.get(name, "") or off.get(name, ""),
        )
        for name in request.expected
    )


def _options(settings: Settings, environ: Mapping[str, str]) -> tuple[Option, ...]:
    """Return every option that is not at its default, with the source of its value."""
    content = msgspec.to_builtins(settings)
    requested = environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "").strip()
    auto = [lane.name for lane in settings.configuration.lanes.values() if lane.workers == "auto" and requested]
    found = [
        Option(key=key, value=_shown(key, _value(content, key)), source=source)
        for key, source in settings.sources.items()
    ]
    source = "environment PYTEST_XDIST_AUTO_NUM_WORKERS"
    return (*found, *(Option(key=f"lanes.{name}.workers", value=requested, source=source) for name in auto))


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
    if key.endswith(".env") and isinstance(value, list | tuple):
        value = [
            f"{entry.partition('=')[0]}=…" if "=" in entry and _PRIVATE.search(entry) else entry for entry in value
        ]
    return msgspec.json.encode(value).decode()


def _veiled(entry: str) -> str:
    """Return a `NAME=value` entry without its value where the name speaks of a secret."""
    name, equals, _ = entry.partition("=")
    return f"{name}=…" if equals and _PRIVATE.search(name) else entry
