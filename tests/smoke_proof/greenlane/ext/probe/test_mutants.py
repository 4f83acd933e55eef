"""Mutants judge the probe: every defect is caught by the check that is named for it, no healthy variant is red."""

from __future__ import annotations

import pytest

from mutants.mutant import SEEDS, Mutant, Variant, found
from mutants.table import MUTANTS, VARIANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught_by_its_check(mutant: Mutant) -> None:
    """A defect is found by the check that is named for it, in each of its dialects, with every seed."""
    for dialect in mutant.dialects:
        for seed in SEEDS:
            assert mutant.caught_by in found(mutant.seams, dialect, seed, [mutant.caught_by]), (dialect, seed)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_healthy_variant_is_green(variant: Variant) -> None:
    """What differs in an allowed way is found fault with by no check."""
    for dialect in variant.dialects:
        assert found(variant.seams, dialect, SEEDS[0]) == {}, dialect


def test_the_names_of_mutants_are_their_own() -> None:
    """Two mutants with one name would be one row of the table."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
