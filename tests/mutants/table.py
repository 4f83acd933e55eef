"""Every mutant, and every healthy variant."""

from __future__ import annotations

from mutants.defects import (
    chance,
    endings,
    errors,
    models,
    plain,
    runs,
    stream_order,
    streams,
    structured,
    text,
    tools,
    usage,
)
from mutants.mutant import Mutant
from mutants.variants import VARIANTS

__all__ = ["MUTANTS", "VARIANTS"]

DEFECTS = (
    models, plain, streams, stream_order, usage, endings, tools, structured, errors, chance, text, runs,
)  # fmt: skip
MUTANTS: tuple[Mutant, ...] = tuple(mutant for defects in DEFECTS for mutant in defects.MUTANTS)
