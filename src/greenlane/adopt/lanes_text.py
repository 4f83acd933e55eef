"""The tables of `pyproject.toml` that make lanes of a suite."""

from __future__ import annotations

import re

import msgspec

from greenlane.adopt.placement import Layout, Place
from greenlane.adopt.tox import Installed
from greenlane.util.toml_text import array, quoted, value

KINDS = {Place.CORE: "deterministic", Place.ND: "nondeterministic", Place.RELEASE: "release"}
HEAD = (
    "# Lanes, each with an environment of its own from a lock; `nox -s lock` renews it. Written by `greenlane init`.\n"
)


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """What `greenlane init` found out about a suite.

    Attributes:
        suite: folders and files of it; where: what says so.
        needs: what its tests need beside the project.
        python: version that lanes run on, as `3.12`; empty for that of nox.
        workers: over how many processes tests are spread; `auto` is one per core.
        order: `file` or `random`; timeout: seconds for one test, 0 for the usual; budget: of a lane, 0 for the usual.
        addopts_marks: what a `-m` of the suite's own addopts selects; empty for none.
        layout: which tests belong elsewhere.
    """

    suite: tuple[str, ...]
    where: str
    needs: Installed
    python: str = ""
    workers: int | str = 0
    order: str = "file"
    timeout: float = 0.0
    budget: float = 0.0
    addopts_marks: str = ""
    layout: Layout = Layout()


def lane_tables(adoption: Adoption) -> str:
    """Return the tables of every lane that the suite needs."""
    made = []
    for place in (Place.CORE, Place.ND, Place.RELEASE):
        tests, marks = _selection(place, adoption)
        if tests:
            made.append(_table(place.value, KINDS[place], tests, marks, adoption))
    if adoption.addopts_marks:
        # What the suite itself leaves out by default belongs to a lane, too.
        name, marks = left_out(adoption.addopts_marks)
        made.append(_table(name, KINDS[Place.ND], adoption.suite, marks, adoption))
    return HEAD + "\n".join(made)


def left_out(expression: str) -> tuple[str, str]:
    """Return name and marks of the lane for what a suite's own `-m` leaves out."""
    single = re.fullmatch(r"not (\w+)", expression.strip())
    return (single[1], single[1]) if single and single[1] not in KINDS.values() else ("rest", f"not ({expression})")


def _selection(place: Place, adoption: Adoption) -> tuple[tuple[str, ...], str]:
    """Return the tests of a lane, none where it has none, and the marks that they must have."""
    layout = adoption.layout
    if place is Place.CORE:
        others = [f"not {mark}" for mark in layout.marks.values()]
        usual = [f"({adoption.addopts_marks})"] if adoption.addopts_marks and others else []
        return adoption.suite, " and ".join([*usual, *others])
    if place in layout.marks:
        return (*layout.files.get(place, ()), *adoption.suite), layout.marks[place]
    rows = [row.nodeid.removesuffix("[*") for row in layout.rows if row.place is place]
    # One of the tests that the ledger moves here stands for them: a lane has to name something.
    return layout.files.get(place, ()) or tuple(rows[:1]), ""


def _table(name: str, kind: str, tests: tuple[str, ...], marks: str, adoption: Adoption) -> str:
    """Return the table of one lane; the others share the lock of `core`."""
    needs = adoption.needs
    lines = [f"[tool.greenlane.lanes.{name}]", f"kind = {quoted(kind)}", f"tests = {array(tests)}"]
    if marks:
        lines.append(f"marks = {quoted(marks)}")
    if name != Place.CORE.value:
        lines.append('lock = "locks/core.txt"')
    source = f"  # {needs.source}" if needs.source else ""
    for key, names in (("extras", needs.extras), ("groups", needs.groups), ("requirements", needs.requirements)):
        if names:
            lines.append(f"{key} = {array(names)}{source}")
    if adoption.python:
        lines.append(f"python = {quoted(adoption.python)}")
    if name == Place.CORE.value and adoption.order == "random":
        lines.append('order = "random"')
    if name == Place.CORE.value and adoption.workers:
        lines.append(f"workers = {value(adoption.workers)}")
    if adoption.timeout:
        lines.append(f"test_timeout = {adoption.timeout:g}")
    if adoption.budget:
        lines.append(f"budget = {adoption.budget:g}")
    return "\n".join(lines) + "\n"
