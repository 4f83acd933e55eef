"""Every mutant, and every healthy variant."""

from __future__ import annotations

from mutants.defects import usage
from mutants.mutant import KEY, Mutant, Seams, Variant

DEFECTS = (usage,)
MUTANTS: tuple[Mutant, ...] = tuple(mutant for defects in DEFECTS for mutant in defects.MUTANTS)
VARIANTS: tuple[Variant, ...] = (
    Variant("as it is"),
    Variant("a key is demanded", Seams(key=KEY)),
)
