"""What would happen and why: everything that a run would look at, looked at without running anything."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.doctor import evidence, machine, probes, project, surroundings
from greenlane.doctor.values import Diagnosis, Problem, Scene, Section
from greenlane.environment.yaml_file import read_yaml
from greenlane.judge.address import Base, resolve
from greenlane.run.gates import open_gates
from greenlane.run.guards import Look, look_around
from greenlane.run.request import request_of_policy
from greenlane.util.http_probe import get
from greenlane.version import VERSION

LOOKS: tuple[Callable[[Scene], Section], ...] = (
    project.lanes,
    project.expected,
    evidence.kept,
    machine.locks,
    machine.interpreters,
    machine.isolation,
    surroundings.base,
    surroundings.guards,
    surroundings.services,
    surroundings.providers,
    project.options,
    project.environment,
)
"""Everything that is looked at, in the order in which it is shown."""


def examine(context: Context, policy: str, seconds: float = probes.PATIENCE) -> Diagnosis:
    """Return what a run of a policy would find.

    Args:
        context: of the call.
        policy: name of the policy.
        seconds: until the machine and the network must have answered.

    Raises:
        ConfigError: the policy is unknown.
    """
    try:
        base = resolve(context.settings.configuration.address, context.environ)
    except ValueError:  # which the look at the base tells
        base = Base()
    request = request_of_policy(context.settings, policy)
    scene = Scene(context=context, request=request, base=base, gates=open_gates(context))
    questions = _questions(scene, seconds)
    scene = msgspec.structs.replace(scene, answers=probes.ask(questions, seconds))
    sections = tuple(look(scene) for look in LOOKS)
    problems = dict.fromkeys(problem for section in sections for problem in section.problems)
    return Diagnosis(
        project=context.settings.project,
        version=VERSION,
        python=platform.python_version(),
        policy=policy,
        strict=request.strict,
        sections=sections,
        unanswered=tuple(name for name in questions if name not in scene.answers),
        problems=tuple(sorted(problems, key=_order)),
    )


def _order(problem: Problem) -> bool:
    """Return what problems are sorted by: those that stand in the way first."""
    return not problem.stands


def _questions(scene: Scene, seconds: float) -> dict[str, Callable[[], Any]]:
    """Return what the machine is asked, by name."""
    configuration, context, environ = scene.configuration, scene.context, scene.context.environ
    questions: dict[str, Callable[[], Any]] = {"isolation": partial(probes.isolation, seconds)}
    for version in {lane.python for lane in configuration.lanes.values()}:
        questions[f"python {version}"] = partial(probes.find_python, version, environ, seconds)
    if scene.base.url:
        service = configuration.services.get(configuration.address.service)
        path = service.ready if service else "/"
        questions["base"] = partial(get, scene.base.url, path, seconds * probes.SHARE)
    for name, service in configuration.services.items():
        if service.instead and service.instead.models and (there := environ.get(service.instead.variable, "").strip()):
            questions[f"models of {name}"] = partial(probes.models_of, service.instead, there, seconds)
    read = partial(read_yaml, context=context, build=False)
    questions["guards"] = partial(look_around, Look(context=context, strict=scene.request.strict, read_yaml=read))
    return questions
