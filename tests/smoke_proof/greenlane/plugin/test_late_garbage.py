"""The garbage collector of a lane's process, while tests are collected and afterwards."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from support.lane_project import LaneProject

MAKES_MUCH = """
    import gc
    import weakref

    LOOKED = []
    gc.callbacks.append(lambda phase, info: LOOKED.append(info["generation"]))
    MUCH = [[number] for number in range(50_000)]
    gc.callbacks.pop()

    class Lost:
        pass

    lost = Lost()
    lost.itself = lost
    LOST = weakref.ref(lost)
    del lost

    def test_nobody_looked_at_what_lives_on():
        assert LOOKED == []

    def test_it_is_as_ever_now():
        assert gc.get_threshold() == @USUAL@
        assert gc.isenabled()

    def test_what_the_collection_left_is_gone():
        assert LOST() is None
"""

OWN = """
    import gc

    gc.{call}

    def test_as_the_project_wants_it():
        assert (gc.get_threshold()[0], gc.isenabled()) == {wanted}
"""


@pytest.fixture(scope="module")
def usual() -> tuple[int, int, int]:
    """Return how patient the collector of an interpreter is; ours may be in the middle of a collection."""
    asked = [sys.executable, "-c", "import gc; print(gc.get_threshold())"]
    found: tuple[int, int, int] = ast.literal_eval(subprocess.check_output(asked, text=True))
    return found


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "worker"])
def test_it_waits_for_the_end_of_the_collection(
    tmp_path: Path, usual: tuple[int, int, int], workers: tuple[str, ...]
) -> None:
    """While modules are imported it looks at nothing; before the first test it has looked at everything."""
    project = LaneProject(tmp_path)
    project.write("tests/test_it.py", MAKES_MUCH.replace("@USUAL@", str(usual)))
    # The count of objects begins here, whatever the process has imported before.
    project.write("conftest.py", "import gc\n\ngc.collect()\n")
    ran = project.run("-p", "xdist", *workers)
    assert ran.status == 0, ran.output


@pytest.mark.parametrize(
    ("call", "threshold", "enabled"),
    [("set_threshold(500, 5, 5)", 500, True), ("set_threshold(0)", 0, True), ("disable()", None, False)],
)
def test_a_project_s_own_wish_is_kept(
    tmp_path: Path, usual: tuple[int, int, int], call: str, threshold: int | None, enabled: bool
) -> None:
    """What a module tells the collector when it is imported holds for the tests."""
    project = LaneProject(tmp_path)
    wanted = (usual[0] if threshold is None else threshold, enabled)
    project.write("tests/test_it.py", OWN.format(call=call, wanted=wanted))
    ran = project.run()
    assert ran.status == 0, ran.output


LOST_AT_THE_END = """
    import atexit
    import gc

    HELD = []
    atexit.register(lambda: print("frozen at the exit:", gc.get_freeze_count()))

    class Broken:
        def __del__(self):
            raise ValueError("lost at the end")

    def pytest_configure():
        broken = Broken()
        broken.itself = broken
        HELD.append(broken)

    def pytest_unconfigure():
        print("spared:", gc.get_freeze_count() > 10_000)
        HELD.clear()
"""


def test_the_rounds_at_the_end_are_over_what_is_new(tmp_path: Path) -> None:
    """What lived when the tests ended is looked at once, and what plugins lose as they end is still found."""
    project = LaneProject(tmp_path)
    project.write("conftest.py", LOST_AT_THE_END)
    project.write("tests/test_it.py", "def test_ok(): pass\n")
    ran = project.run("-s", "-W", "error")
    assert "spared: True" in ran.output
    assert "ValueError: lost at the end" in ran.output
    assert ran.status != 0
    assert "frozen at the exit: 0" in ran.output
