"""A mutant: a healthy gateway with one defect, and the check that must catch it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from greenlane.ext.probe.case import Case, examine
from greenlane.ext.probe.pack.table import check_named, checks_for
from greenlane.ext.probe.speech.table import SPEECHES
from greenlane.ext.probe.values import Check, Dialect, Profile
from greenlane.ext.probe.wire import Budget, Wire
from mutants.brain import Prompt, Thought
from mutants.healthy import EMBEDDER, MODEL, Exchange, Response, Seams, running
from mutants.speaking import RefusedError, Sent

__all__ = ["Exchange", "Mutant", "Prompt", "RefusedError", "Response", "Seams", "Sent", "Thought", "Variant", "found"]

SEEDS = (1, 2, 3, 4, 5)
SAMPLES, AT_LEAST = 5, 4
KEY = "sk-healthy-0123456789"


@dataclass(frozen=True)
class Mutant:
    """One defect.

    Attributes:
        name: what is wrong, in a few words; unique.
        caught_by: name of the check that must find it.
        dialects: in each of which it must be found.
        seams: the defect.
    """

    name: str
    caught_by: str
    seams: Seams
    dialects: tuple[str, ...] = ("chat", "messages", "responses")


@dataclass(frozen=True)
class Variant:
    """A healthy gateway that differs in a way that is allowed: no check may find anything."""

    name: str
    seams: Seams = field(default_factory=Seams)
    dialects: tuple[str, ...] = ("chat", "messages", "responses", "embeddings", "agent", "mcp")


def model_of(dialect: str) -> str:
    """Return the model that is asked in a dialect."""
    return EMBEDDER if dialect == "embeddings" else MODEL


def _fails(check: Check, wire: Wire, dialect: Dialect, seed: int) -> str:
    """Return what a check finds, as the command judges it: of samples, four of five must pass. Empty for nothing."""
    seeds = [seed * 1000 + n for n in range(SAMPLES)] if check.sampled else [seed]
    causes = []
    for one in seeds:
        finding = examine(check, Case(wire, SPEECHES[dialect], dialect, model_of(dialect.value), one))
        causes += [str(finding)] if finding else []
        if len(causes) > len(seeds) - (AT_LEAST if check.sampled else 1):
            return causes[0]
    return ""


def found(seams: Seams, dialect: str, seed: int, names: Iterable[str] = ()) -> dict[str, str]:
    """Return what the pack finds in a gateway, by the name of the check.

    Args:
        seams: of the gateway; dialect: that is asked.
        seed: of what the checks draw; names: of the only checks that are run, none for the whole pack.
    """
    spoken = Dialect(dialect)
    chosen: Sequence[Check] = [check_named(spoken, name) for name in names] or checks_for(spoken, Profile.FULL)
    with running(seams) as (base, _):
        wire = Wire(base, seams.key, Budget(10**9, 10**6, 10**9), patience=5.0)
        try:
            causes = {check.name: _fails(check, wire, spoken, seed) for check in chosen}
        finally:
            wire.close()
    return {name: cause for name, cause in causes.items() if cause}
