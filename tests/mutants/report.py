"""What the pack catches.

`PYTHONPATH=tests python -m mutants.report` runs every mutant and variant, prints the rates and writes the page of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from greenlane.ext.probe.pack.table import PACK, names
from mutants.mutant import SEEDS, Mutant, Variant, found
from mutants.table import MUTANTS, VARIANTS

PAGE = Path(__file__).resolve().parents[2] / "docs/probe-mutants.md"
HEAD = """# What the probe catches

`greenlane probe` is judged by mutants: a healthy gateway (`tests/mutants/healthy.py`) with one defect each, {mutants}
of them, and by {variants} healthy variants that differ from it in ways that the specifications allow. A mutant counts
as caught when the check that is named for it fails, in each of its dialects, with each of {seeds} seeds; a variant is
red when any check of the whole pack fails. `tests/smoke_proof/greenlane/ext/probe/test_mutants.py` proves it with every
change.

```console
$ PYTHONPATH=tests python -m mutants.report
{rates}
```

## What catches what

| check | caught by it |
|---|---|
"""
MIDDLE = """
## What no check may mind

"""


def caught(mutant: Mutant) -> list[bool]:
    """Return, for each dialect and seed, whether a mutant was caught by its check."""
    return [
        mutant.caught_by in found(mutant.seams, dialect, seed, [mutant.caught_by])
        for dialect in mutant.dialects
        for seed in SEEDS
    ]


def red(variant: Variant, seed: int) -> dict[str, str]:
    """Return what the whole pack finds in a variant: causes by dialect and check."""
    return {
        f"{dialect}: {check}": cause
        for dialect in variant.dialects
        for check, cause in found(variant.seams, dialect, seed).items()
    }


def rates(missed: int, reds: int) -> str:
    """Return the two rates, in words."""
    whole, healthy = len(MUTANTS), len(VARIANTS)
    return (
        f"caught {whole - missed} of {whole} mutants ({(whole - missed) / whole:.1%}) over {len(SEEDS)} seeds\n"
        f"red {reds} of {healthy} healthy variants ({reds / healthy:.1%}) over {len(SEEDS)} seeds"
    )


def page(missed: int = 0, reds: int = 0) -> str:
    """Return the page."""
    head = HEAD.format(
        mutants=len(MUTANTS), variants=len(VARIANTS), seeds=len(SEEDS), rates=rates(missed, reds)
    )  # fmt: skip
    return head + "\n".join(_rows()) + "\n" + MIDDLE + "\n".join(f"- {one.name}" for one in VARIANTS) + "\n"


def _rows() -> Iterator[str]:
    for check in names(PACK):
        mutants = [mutant.name for mutant in MUTANTS if mutant.caught_by == check]
        if mutants:
            yield f"| `{check}` | {'; '.join(mutants)} |"


def main() -> None:
    """Run everything, print what was missed and the rates, and write the page."""
    missed = [mutant.name for mutant in MUTANTS if not all(caught(mutant))]
    reds = {variant.name: found for variant in VARIANTS for seed in SEEDS if (found := red(variant, seed))}
    for name in missed:
        print(f"missed: {name}")
    for name, causes in reds.items():
        print(f"red: {name}: {causes}")
    print(rates(len(missed), len(reds)))
    PAGE.write_text(page(len(missed), len(reds)), encoding="utf-8")
    sys.exit(bool(missed or reds))


if __name__ == "__main__":
    main()
