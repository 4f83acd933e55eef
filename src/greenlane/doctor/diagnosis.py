"""From what the doctor saw to what stands in the way, each with its next step."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable

from greenlane.doctor.values import Diagnosis, Problem
from greenlane.errors import EXIT_CONFIG, EXIT_NOT_READY, EXIT_READY
from greenlane.evidence.verdict import CONFIGURATION
from greenlane.evidence.violation import EXPLANATIONS, Code, Violation

SELECTING = (
    "-k",
    "-m",
    "--deselect",
    "--lf",
    "--last-failed",
    "--sw",
    "--stepwise",
    "--ignore",
    "--collect-only",
    "--co",
)
"""Options in PYTEST_ADDOPTS that make a run partial."""


UNENCLOSED = {"unknown": "ask again with more time: greenlane doctor --patience 10"}
"""The next step where the kernel has not said what would help."""


def of_note(note: Violation) -> Problem:
    """Return what was found about base or router before any test as a problem."""
    return Problem(code=note.code, message=note.message, next_step=note.next_step, stands=note.gating)


def problems(diagnosis: Diagnosis, notes: Iterable[Problem] = ()) -> tuple[Problem, ...]:
    """Return what is not as it should be, first what stands in the way of the policy.

    Args:
        diagnosis: what was seen.
        notes: what was found about base and router.
    """
    found = [*notes, *(problem for look in LOOKS for problem in look(diagnosis))]
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: not problem.stands))


def exit_code(diagnosis: Diagnosis) -> int:
    """Return 0 when nothing stands in the way, 2 when a setting does, 1 for anything else."""
    codes = {problem.code for problem in diagnosis.problems if problem.stands}
    return EXIT_CONFIG if codes & CONFIGURATION else EXIT_NOT_READY if codes else EXIT_READY


def _needed(diagnosis: Diagnosis) -> set[str]:
    """Return the lanes that the policy needs."""
    return {lane.name for lane in diagnosis.lanes if lane.needed}


def _tests(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem for each test path that does not exist."""
    for lane in diagnosis.lanes:
        if lane.absent:
            yield Problem(
                code=Code.CONFIG_ERROR, message=f"lanes.{lane.name}.tests: {', '.join(lane.absent)} does not exist",
                next_step=f"make it, or change `tests` of [tool.greenlane.lanes.{lane.name}]", stands=lane.needed,
            )  # fmt: skip


def _locks(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem for each lock that is not fresh."""
    needed = _needed(diagnosis)
    for lock in diagnosis.locks:
        if lock.state == "missing":
            step, stands = "make it with `nox -s lock`", bool(needed & set(lock.lanes))
        elif lock.state == "refused":
            step, stands = "pin another version, then `nox -s lock`", bool(needed & set(lock.lanes))
        elif lock.state == "stale":
            step, stands = "renew it with `nox -s lock`", False
        else:
            continue
        reason = f": {lock.reason}" if lock.reason else ""
        yield Problem(
            code=Code.CONFIG_ERROR, message=f"lock {lock.path} is {lock.state}{reason}", next_step=step, stands=stands
        )


def _interpreters(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem for each interpreter that is not there."""
    for python in diagnosis.interpreters:
        if not python.path:
            yield Problem(
                code=Code.CONFIG_ERROR,
                message=f"Python {python.version}, which {', '.join(python.lanes)} needs, is not there",
                next_step=f"install Python {python.version} so that it is on the PATH, or change `python` of the lane",
                stands=bool(_needed(diagnosis) & set(python.lanes)),
            )


def _hermetic(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem when the kernel does not cut lanes off."""
    state = diagnosis.hermetic
    if state.level != "kernel" and any(lane.kind == "deterministic" for lane in diagnosis.lanes):
        needed = any(lane.needed and lane.kind == "deterministic" for lane in diagnosis.lanes)
        yield Problem(
            code=Code.NETWORK, message=f"hermetic level is {state.level}, not kernel: {state.reason}",
            next_step=state.fix or UNENCLOSED.get(state.level, "run on Linux, which can cut a lane off"),
            stands=diagnosis.strict and needed,
        )  # fmt: skip


def _base(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem when the caller names a base at which nobody answers."""
    base = diagnosis.base
    if base.url and not base.reachable and not base.starts:
        meeting = any(lane.needed and lane.kind != "deterministic" for lane in diagnosis.lanes)
        yield Problem(
            code=Code.SERVICE_DOWN, message=f"nothing answers at {base.url} ({base.source}): {base.answer}",
            next_step="start it there, or unset the variable: the harness then starts the service itself",
            stands=meeting,
        )  # fmt: skip


def _expected(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem for each expected name that could not run now."""
    for demanded in diagnosis.expected:
        if demanded.blocked:
            yield Problem(
                code=Code.EXPECTED_NOT_RUN,
                message=f"{demanded.name} is expected ({demanded.source}) and could not run: {demanded.blocked}",
                next_step=EXPLANATIONS[Code.EXPECTED_NOT_RUN].next_step,
            )


def _selection(diagnosis: Diagnosis) -> Iterable[Problem]:
    """Yield a problem when PYTEST_ADDOPTS selects."""
    value = next((v.value for v in diagnosis.environment if v.name == "PYTEST_ADDOPTS"), None) or ""
    words = [word for word in shlex.split(value) if _selects(word)]
    if words:
        yield Problem(
            code=Code.PARTIAL, message=f"PYTEST_ADDOPTS selects tests ({' '.join(words)}): the run would be partial",
            next_step="unset PYTEST_ADDOPTS, or take the selection out of it",
        )  # fmt: skip


def _selects(word: str) -> bool:
    """Return whether a word is an option that selects, with or without its value."""
    return word.startswith(("-k", "-m")) or word.split("=", maxsplit=1)[0] in SELECTING


LOOKS: tuple[Callable[[Diagnosis], Iterable[Problem]], ...] = (
    _tests,
    _locks,
    _interpreters,
    _hermetic,
    _base,
    _expected,
    _selection,
)
"""Everything that is looked at, one row each."""
