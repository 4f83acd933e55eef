"""What `greenlane doctor` finds: what would happen and why, without running anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.config.schema import Configuration
from greenlane.errors import EXIT_CONFIG, EXIT_NOT_READY, EXIT_READY
from greenlane.evidence.evidence import GateState
from greenlane.evidence.verdict import CONFIGURATION
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.address import Base
from greenlane.run.request import RunRequest


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at.

    Attributes:
        context: of the call; request: what the policy asks for.
        base: that the caller names; gates: of the live providers.
        answers: of the machine and the network, by the name of the question; one that did not come in time is missing.
    """

    context: Context
    request: RunRequest
    base: Base
    gates: tuple[GateState, ...]
    answers: Mapping[str, Any] = {}

    @property
    def configuration(self) -> Configuration:
        """What the project declares."""
        return self.context.settings.configuration

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables of the caller."""
        return self.context.environ


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it should be.

    Attributes:
        code: the reason for red that it would become; message: what it is, in one line.
        next_step: what to do about it; stands: whether it stands in the way of a green run.
    """

    code: Code
    message: str
    next_step: str
    stands: bool = True


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one subject.

    Attributes:
        name: for people, and in JSON.
        summary: what there is to know at a glance; a section without one is shown on request only.
        facts: all of it, as plain data: a table, or one for each of several things, which begins with its name.
        problems: what is not as it should be.
    """

    name: str
    summary: str
    facts: Any
    problems: Sequence[Problem] = ()


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the doctor has to say.

    Attributes:
        policy: the one that was asked about; strict: whether it is.
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


def of_note(note: Violation) -> Problem:
    """Return what was found before any test as a problem."""
    return Problem(code=note.code, message=note.message, next_step=note.next_step, stands=note.gating)


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first of some names, and how many more there are: `a, b and 3 more`."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
