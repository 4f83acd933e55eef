"""The tables of `pyproject.toml` that make lanes of a suite."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from greenlane.adopt.placement import Layout, Place
from greenlane.adopt.tox import Installed

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
        order: `file` or `random`; timeout: seconds for one test, 0 for the usual; budget: of a lane, 0 for the usual.
        layout: which tests belong elsewhere; places: the lanes that have any test.
    """

    suite: tuple[str, ...]
    where: str
    needs: Installed
    python: str = ""
    order: str = "file"
    timeout: float = 0.0
    budget: float = 0.0
    layout: Layout = Layout()
    places: tuple[Place, ...] = (Place.CORE,)


def lane_tables(adoption: Adoption) -> str:
    """Return the tables of every lane that the suite needs."""
    made = [_table(place, adoption) for place in (Place.CORE, Place.ND, Place.RELEASE) if place in adoption.places]
    return HEAD + "\n".join(made)


def _table(place: Place, adoption: Adoption) -> str:
    """Return the table of one lane; the others share the lock of `core`."""
    needs, layout = adoption.needs, adoption.layout
    tests = adoption.suite if place is Place.CORE else layout.files.get(place, ()) or adoption.suite
    lines = [f"[tool.greenlane.lanes.{place}]", f"kind = {_quoted(KINDS[place])}", f"tests = {_array(tests)}"]
    if place is not Place.CORE:
        lines.append('lock = "locks/core.txt"')
    source = f"  # {needs.source}" if needs.source else ""
    for key, names in (("extras", needs.extras), ("groups", needs.groups), ("requirements", needs.requirements)):
        if names:
            lines.append(f"{key} = {_array(names)}{source}")
    if adoption.python:
        lines.append(f"python = {_quoted(adoption.python)}")
    if place is Place.CORE and adoption.order == "random":
        lines.append('order = "random"')
    if adoption.timeout:
        lines.append(f"test_timeout = {adoption.timeout:g}")
    if adoption.budget:
        lines.append(f"budget = {adoption.budget:g}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return text as a TOML string."""
    return json.dumps(text, ensure_ascii=False)


def _array(items: Iterable[str]) -> str:
    """Return strings as a TOML array, on one line where it fits."""
    quoted = [_quoted(item) for item in items]
    line = f"[{', '.join(quoted)}]"
    return line if len(line) < 90 else "[\n" + "".join(f"    {item},\n" for item in quoted) + "]"
