"""The ledger in whole runs: what it lists is told and fails nothing, what it does not is red."""

from __future__ import annotations

from support.tiny import CORE, TinyProject

TESTS = """
import os
import sys
import pytest

def test_ok():
    pass

def test_leaks():
    os.environ["LEFT"] = "x"

@pytest.mark.skipif(sys.platform != "win32", reason="Windows only")
def test_windows():
    pass

def test_numbers():
    pytest.importorskip("numpy")
"""
LEDGER = """
schema = 1
[[leak]]
what = "environ:LEFT"
test = "tests/test_it.py::test_leaks"
why = "since the first day"
since = "2026-01-31"
who = "Ann"
[[skip]]
test = "tests/test_it.py::test_windows"
platform = "win32"
why = "a registry"
since = "2026-01-31"
who = "Ann"
[[skip]]
test = "tests/test_it.py::test_numbers"
dependency = "numpy"
why = "optional"
since = "2026-01-31"
who = "Ann"
"""


def test_what_is_listed_fails_nothing(tiny: TinyProject) -> None:
    """A leak, a platform and a dependency that the lock has not; without the ledger each is red."""
    tiny.lanes(core=CORE).test(TESTS)
    ran = tiny.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"LEAK", "ERROR", "SKIPPED"}), ran.output
    ran = tiny.write("greenlane-ledger.toml", LEDGER).greenlane("lane", "core", STRICT_READY="1")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "EXCUSED: 1 leaking, 2 skipped tests, by 3 entries of greenlane-ledger.toml" in ran.output
    lie = LEDGER.replace('dependency = "numpy"', 'dependency = "pluggy"')
    ran = tiny.write("greenlane-ledger.toml", lie).greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"SKIPPED"}), ran.output
    assert "it needs dependency pluggy, which is here: in the lock" in ran.message("SKIPPED")
