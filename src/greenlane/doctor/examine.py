"""What would happen and why: everything that a run would look at, looked at without running anything."""

from __future__ import annotations

import platform
from collections.abc import Callable

import msgspec

from greenlane.config.context import Context
from greenlane.doctor import probes, project, surroundings
from greenlane.doctor.values import Problem, Scene, Section
from greenlane.errors import EXIT_CONFIG, EXIT_NOT_READY, EXIT_READY
from greenlane.evidence.verdict import CONFIGURATION
from greenlane.judge.address import Base, resolve
from greenlane.run.gates import open_gates
from greenlane.run.request import request_of_policy
from greenlane.version import VERSION

LOOKS: tuple[Callable[[Scene], Section], ...] = (
    project.lanes, project.expected, project.evidence, project.locks, surroundings.interpreters,
    surroundings.isolation, surroundings.base, surroundings.guards, surroundings.services, surroundings.providers,
    project.options, project.environment,
)  # fmt: skip
"""Everything that is looked at, in the order in which it is shown."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the doctor has to say about a policy.

    Attributes:
        strict: whether the policy is.
        unanswered: probes that gave no answer in their time.
        problems: of all sections, first those that stand in the way.
    """

    project: str
    version: str
    python: str
    policy: str
    strict: bool
    sections: tuple[Section, ...]
    unanswered: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def exit_code(self) -> int:
        """0 when nothing stands in the way, 2 when a setting does, 1 for anything else."""
        codes = {problem.code for problem in self.problems if problem.stands}
        return EXIT_CONFIG if codes & CONFIGURATION else EXIT_NOT_READY if codes else EXIT_READY


def examine(context: Context, policy: str, seconds: float) -> Diagnosis:
    """Return what a run of a policy would find.

    Args:
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
    asked = probes.questions(scene, seconds)
    scene = msgspec.structs.replace(scene, answers=probes.ask(asked, seconds))
    sections = tuple(look(scene) for look in LOOKS)
    problems = dict.fromkeys(problem for section in sections for problem in section.problems)
    return Diagnosis(
        project=context.settings.project, version=VERSION, python=platform.python_version(), policy=policy,
        strict=request.strict, sections=sections, unanswered=tuple(name for name in asked if name not in scene.answers),
        problems=tuple(sorted(problems, key=lambda problem: not problem.stands)),
    )  # fmt: skip
