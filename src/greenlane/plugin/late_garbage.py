"""Spares the garbage collector rounds that find nothing: while tests are collected, and after the last of them.

Each of its whole rounds looks at all modules, functions and tests that there are so far. Of 7,000 tests they took a
third of the time of their collection; at the end, pytest asks for up to ten, one after the other.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Generator

import pytest

PATIENCE = 100_000
"""Objects that are made before the collector looks for garbage among them; there are ten such looks to a wider one."""


class LateGarbage:
    """Makes the collector patient from now until the tests are collected, and then let it look at everything once.

    What the project tells the collector meanwhile is left alone.
    """

    def __init__(self) -> None:
        # PyPy's collector has none.
        self._usual = gc.get_threshold() if hasattr(gc, "get_threshold") else (0, 0, 0)
        # 0 is the project's own way to have no collector.
        if 0 < self._usual[0] < PATIENCE:
            gc.set_threshold(PATIENCE, *self._usual[1:])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Collect the tests, then what they left."""
        try:
            return (yield)
        finally:
            self.end()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Have the last word before pytest looks for what finalizers raised: what is added later is called earlier."""
        config.add_cleanup(self.last_round)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Keep what lives now out of the rounds that pytest asks for, until `last_round`."""
        if hasattr(gc, "freeze"):
            gc.freeze()
            # An interpreter's own end is as ever.
            atexit.register(gc.unfreeze)

    def last_round(self) -> None:
        """Look at everything once more: at what the ends of plugins have left, too."""
        if hasattr(gc, "freeze") and gc.get_freeze_count():
            gc.unfreeze()
            gc.collect()
            gc.freeze()

    def end(self) -> None:
        """Let the collector be as it was; a second call does nothing."""
        if not self._usual[0] or gc.get_threshold() != (PATIENCE, *self._usual[1:]):
            return
        gc.set_threshold(*self._usual)
        # It would look three times at everything, as one generation after the other fills up.
        if gc.isenabled():
            gc.collect()


def be_patient(config: pytest.Config) -> None:
    """Let the collector of a lane's process wait from now until its tests are collected."""
    garbage = LateGarbage()
    config.add_cleanup(garbage.end)
    config.pluginmanager.register(garbage, "greenlane-garbage")
