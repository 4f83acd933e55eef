"""The pack as tests of a lane: what the test file that `greenlane probe` writes is made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from greenlane.ext.probe.asked import LATENCY, read_asked
from greenlane.ext.probe.case import Case, examine
from greenlane.ext.probe.speech.table import SPEECHES
from greenlane.ext.probe.values import Finding
from greenlane.ext.probe.wire import Budget, Wire

Tell = Callable[[str, object], None]
"""Keeps a figure in the report of the test (`record_property`)."""


class Probe:
    """Asks an endpoint, one check after the other, over one wire and from one budget.

    Args:
        folder: of the lane, in which the command has written what is asked.
    """

    def __init__(self, folder: Path) -> None:
        self._asked = read_asked(folder)
        limit = self._asked.limit
        key = os.environ.get(self._asked.key_env, "") if self._asked.key_env else ""
        self.wire = Wire(
            self._asked.url, key, Budget(limit.tokens, limit.seconds, limit.calls), patience=self._asked.patience
        )

    def prove(self, name: str, tell: Tell, seed: int = 0) -> None:
        """Run one check.

        Args:
            name: id of the check; tell: keeps a figure; seed: of a sample, 0 for the probe's own.

        Raises:
            Finding: the endpoint fails it.
        """
        target, check = self._asked.found(name)
        case = Case(self.wire, SPEECHES[target.dialect], target.dialect, target.model, seed or self._asked.seed)
        finding = examine(check, case)
        for figure, seconds in case.figures.items():
            tell(f"{target.dialect.value}:{figure}", seconds)
        if finding is None and check.name == LATENCY:
            finding = _bounded(case.figures, self._asked.bounds)
        if finding is not None:
            # Nobody who reads a verdict is helped by the lines of the pack.
            raise finding.with_traceback(None) from None


def _bounded(figures: dict[str, float], bounds: dict[str, float]) -> Finding | None:
    """Return the first figure that is above its bound."""
    over = [(name, bound) for name, bound in bounds.items() if figures.get(name, 0) > bound]
    return next((Finding(f"`{name}` is {figures[name]:g} s, the bound {bound:g} s") for name, bound in over), None)


@contextmanager
def probing(folder: Path) -> Generator[Probe]:
    """Hold a probe of a folder, and close its connections at the end."""
    probe = Probe(folder)
    try:
        yield probe
    finally:
        probe.wire.close()
