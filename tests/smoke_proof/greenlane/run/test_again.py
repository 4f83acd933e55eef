"""`--failed`: what failed or never ended last time, and nothing that could pass for a verdict of the lane."""

from __future__ import annotations

from support.tiny import TinyProject

THREE = """
    import os
    import pathlib
    def test_good(): pass
    def test_bad(): assert pathlib.Path("mended").exists()
    def test_z_last(): pathlib.Path("mended").exists() or os._exit(3)
    def test_zz_never(): pass
"""


def test_what_failed_and_what_never_ran_is_run_again(tiny: TinyProject) -> None:
    """Until it is mended, and then a whole run has to show the rest: never green, and nothing left is a clear error."""
    none = tiny.test(THREE).greenlane("lane", "core", "--failed")
    assert none.code == 2
    assert "--failed: no run of core is known\n  next: run the whole of it: nox -s core" in none.output
    assert tiny.greenlane("lane", "core").code == 1
    again = tiny.write("mended", "").greenlane("lane", "core", "--failed")
    assert "core: repeats 1 that failed and 2 that never ended" in again.output
    assert "a whole run still has to show the other 1\n" in again.output
    assert (again.code, again.codes) == (1, {"PARTIAL"}), again.output
    assert again.verdict["checks"][0]["counts"] == {"passed": 3}
    done = tiny.greenlane("lane", "core", "--failed")
    assert done.code == 2
    assert "--failed: nothing failed in the last run of core\n  next: run the whole of it: nox -s core" in done.output
    both = tiny.greenlane("lane", "core", "--failed", "--only", "tests/test_it.py::test_good")
    assert (both.code, "--failed and --only" in both.output) == (2, True)
