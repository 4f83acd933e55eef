"""Mutants judge the probe: every defect is caught by the check that is named for it, no healthy variant is red."""

from __future__ import annotations

import pytest

from greenlane.ext.probe.asked import LATENCY
from greenlane.ext.probe.pack.table import PACK
from greenlane.ext.probe.values import Dialect
from mutants.healthy import Response, Seams
from mutants.mutant import SEEDS, Mutant, Variant, found
from mutants.report import PAGE, caught, page, red
from mutants.table import MUTANTS, VARIANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught_by_its_check(mutant: Mutant) -> None:
    """A defect is found by the check that is named for it, in each of its dialects, with every seed."""
    assert all(caught(mutant))


@pytest.mark.parametrize("number", range(len(VARIANTS)), ids=[variant.name for variant in VARIANTS])
def test_a_healthy_variant_is_green(number: int) -> None:
    """What differs in an allowed way is found fault with by no check; `mutants.report` asks with every seed."""
    variant: Variant = VARIANTS[number]
    assert red(variant, SEEDS[number % len(SEEDS)]) == {}


def test_every_check_has_a_mutant_in_every_dialect() -> None:
    """A check that no defect proves could be deleted unnoticed. What is told and not judged has none."""
    proved = {(mutant.caught_by, dialect) for mutant in MUTANTS for dialect in mutant.dialects}
    assert {(c.name, d.value) for c in PACK for d in c.dialects if c.name != LATENCY} == proved


def test_the_names_of_mutants_are_their_own() -> None:
    """Two mutants with one name would be one row of the table."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_the_page_of_mutants_is_that_of_the_table() -> None:
    """The table that readers see is made of the mutants that run."""
    assert PAGE.name == "probe-mutants.md"
    assert PAGE.read_text(encoding="utf-8") == page(), "PYTHONPATH=tests python -m mutants.report"


@pytest.mark.parametrize(
    ("seams", "cause"),
    [
        pytest.param(Seams(events=lambda *_: []), "there is no stream to measure", id="no-event"),
        pytest.param(Seams(response=lambda *_: Response.of({}, 503)), "there is no answer to measure", id="refused"),
    ],
)
def test_what_was_not_measured_keeps_no_bound(seams: Seams, cause: str) -> None:
    """A refusal is quick, and a stream without an event has no seconds to its first: neither is a figure."""
    assert found(seams, Dialect.CHAT, SEEDS[0], [LATENCY])[LATENCY].startswith(cause)
