"""The ledger in whole runs: what it lists is told and fails nothing, what it does not is red."""

from __future__ import annotations

from pathlib import Path

from support.pages import run_page
from support.tiny import CORE, TinyProject

DOCS = Path(__file__).resolve().parents[4] / "docs"
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
    ran = tiny.write("greenlane-ledger.toml", LEDGER).greenlane("lane", "core", STRICT_READY="1")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "EXCUSED: 1 leaking, 2 skipped tests, by 3 entries of greenlane-ledger.toml" in ran.output
    lie = LEDGER.replace('dependency = "numpy"', 'dependency = "pluggy"')
    ran = tiny.write("greenlane-ledger.toml", lie).greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"SKIPPED"}), ran.output
    assert "it needs dependency pluggy, which is here: in the lock" in ran.message("SKIPPED")


def test_what_is_found_is_accepted_and_what_is_gone_goes(tiny: TinyProject) -> None:
    """Red, accepted with causes that hold, green; repaired, the entries are to be tidied, and go."""
    assert tiny.lanes(core=CORE).greenlane("ledger", "accept", "--dry-run").code == 2
    ran = tiny.test(TESTS).greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"LEAK", "ERROR", "SKIPPED"}), ran.output
    assert "--why is needed" in tiny.greenlane("ledger", "accept", "--who", "Ann").output
    assert not (tiny.path / "greenlane-ledger.toml").exists()
    assert run_page(DOCS / "ledger.md", tiny) == 8
    ran = tiny.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert tiny.greenlane("ledger", "tidy").output.endswith("nothing to tidy\n")
    ran = tiny.test("def test_ok(): pass\ndef test_leaks(): pass\n").greenlane("ready")
    assert (ran.code, ran.output.count("WARNING: LEDGER")) == (0, 3), ran.output
    tidied = tiny.greenlane("ledger", "tidy").output
    assert (tidied.count(": gone"), "nothing" in tidied) == (3, False), tidied
    assert tiny.greenlane("ledger", "show").output.endswith("greenlane-ledger.toml excuses nothing\n")


OLDER = """
schema = 1
[[quarantined]]
test = "tests/test_it.py::test_ok"
lane = "core"
since = "2026-01-01"
expires = "2099-01-01"
issue = "https://example.com/1"
"""


def test_the_older_file_moves_in(tiny: TinyProject) -> None:
    """`quarantine.toml` is read, says so, and is taken over by the first command that writes."""
    tiny.lanes(core=CORE).write("quarantine.toml", OLDER)
    assert (
        "quarantine.toml is read, too; greenlane ledger tidy moves its entries"
        in tiny.greenlane("ledger", "show").output
    )
    assert "would become a part" in tiny.greenlane("ledger", "tidy", "--dry-run").output
    assert (tiny.path / "quarantine.toml").exists()
    assert "has become a part of greenlane-ledger.toml" in tiny.greenlane("ledger", "tidy").output
    assert not (tiny.path / "quarantine.toml").exists()
    assert "tests/test_it.py::test_ok" in tiny.greenlane("ledger", "show").output
