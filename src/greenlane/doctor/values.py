"""What the doctor works with: the scene that is looked at, and a section for each subject with what is wrong there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.config.schema import Configuration
from greenlane.evidence.evidence import GateState
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.address import Base
from greenlane.run.request import RunRequest


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at.

    Attributes:
        request: what the policy asks for.
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

    def needs(self, lanes: Sequence[str]) -> bool:
        """Return whether the policy needs one of some lanes."""
        return not set(lanes).isdisjoint(self.request.lanes)


class Problem(msgspec.Struct, frozen=True):
    """Something that is not as it should be: the reason for red that it would become, what it is, and what to do.

    Attributes:
        stands: whether it stands in the way of a green run.
    """

    code: Code
    message: str
    next_step: str
    stands: bool = True

    @classmethod
    def of(cls, note: Violation) -> Problem:
        """Return what was found before any test as a problem."""
        return cls(note.code, note.message, note.next_step, note.gating)


class Section(msgspec.Struct, frozen=True):
    """What was seen of one subject.

    Attributes:
        summary: what there is to know at a glance; a section without one is shown on request only.
        facts: all of it, as plain data: a table, or one for each of several things, which begins with its name.
    """

    name: str
    summary: str
    facts: Any
    problems: Sequence[Problem] = ()


def some(names: Sequence[str], most: int = 5) -> str:
    """Return the first of some names, and how many more there are: `a, b and 3 more`."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
