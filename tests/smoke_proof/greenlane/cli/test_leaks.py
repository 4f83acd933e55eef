"""`greenlane leaks`: the last run's leaks, what is uncertain, and what settled, as users ask for it."""

from __future__ import annotations

from support.tiny import TinyProject

PACKAGE = """
FACTORS = {}
flag = 1


def factor(name):
    return FACTORS.setdefault(name, object())
"""

TESTS = """
import pkg


def by_name(module):
    module.flag = 2


def test_memo():
    pkg.factor("a")


def test_helper():
    by_name(pkg)


def test_leak():
    pkg.added = test_memo
"""


def test_what_is_left_behind_is_listed(tiny: TinyProject) -> None:
    """Leaks come first, uncertain things are told, settled ones only when asked for; leaks make exit 1."""
    tiny.section("leaks", {"watch": ["pkg"]}).section("history", {"enabled": False})
    tiny.write("pkg.py", PACKAGE).write(
        "conftest.py", "import sys\n\nsys.path.insert(0, __file__.rpartition('/')[0])\n"
    )
    lane = tiny.test(TESTS).greenlane("lane", "core")
    assert (lane.code, "LEAK" in lane.codes) == (1, True), lane.output

    plain, settled = tiny.greenlane("leaks"), tiny.greenlane("leaks", "core", "--settled")

    assert (plain.code, settled.code) == (1, 1)
    assert plain.output.splitlines()[0].startswith("LEAK attributes pkg.added from nothing to <function test_memo>")
    assert "UNCERTAIN attributes pkg.flag from 1 to 2 probably at tests/test_it.py:" in plain.output
    assert "SETTLED" not in plain.output
    assert "1 leaks, 1 uncertain, 1 settled; --settled lists them" in plain.output
    assert "SETTLED containers pkg.FACTORS from {} to" in settled.output


def test_uncertain_as_an_error_is_red(tiny: TinyProject) -> None:
    """With `uncertain = "error"` the test is red that nobody can clear; by default it is warned of, and green."""
    tiny.write("pkg.py", PACKAGE).write(
        "conftest.py", "import sys\n\nsys.path.insert(0, __file__.rpartition('/')[0])\n"
    )
    tiny.test(TESTS.partition("def test_leak")[0]).section("leaks", {"watch": ["pkg"]})
    warned = tiny.greenlane("lane", "core")
    strict = tiny.section("leaks", {"watch": ["pkg"], "uncertain": "error"}).greenlane("lane", "core")

    assert (warned.code, strict.code) == (0, 1), strict.output
    assert "UNCERTAIN attributes pkg.flag" in strict.output


def test_before_any_run_it_says_what_to_do(tiny: TinyProject) -> None:
    """Without a run, or for a lane that is not there, it is a configuration error with a next step."""
    nothing, unknown = tiny.test(TESTS).greenlane("leaks"), tiny.greenlane("leaks", "cores")

    assert (nothing.code, unknown.code) == (2, 2)
    assert "no lane has run" in nothing.output
    assert "unknown lane 'cores' (did you mean 'core'?); known: core" in unknown.output
