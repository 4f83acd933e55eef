"""`greenlane polluter`: real lanes, real copies of processes, and commands that work when they are pasted."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from support.tiny import CORE, Ran, TinyProject

ZZ = "tests/test_zz.py"
VICTIMS = """
    import os
    import shop

    def test_one(): assert shop.RATE == 1
    def test_three(): assert len(shop.CART) < 3
    def test_helped(): assert shop.READY
    def test_broken(): assert not "broken"
    def test_fine(): pass
    def test_lane():
        with open("/proc/net/dev") as file:
            devices = [line.split(":")[0].strip() for line in file if ":" in line]
        assert shop.RATE == 1, (devices, os.environ["WANTED"])
"""


@pytest.fixture
def shop(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project whose tests change a module that other tests read."""
    tiny = make_tiny().lanes(core={**CORE, "env": ["WANTED=yes"]})
    tiny.write("src/shop.py", "RATE = 1\nCART = []\nREADY = False\n")
    tiny.write("conftest.py", "import sys\nsys.path.insert(0, 'src')\n")
    for number in range(4):
        body = "import shop\n" + "".join(f"def test_{name}(): pass\n" for name in "abcdef")
        if number == 1:
            body += "def test_rate(): shop.RATE = 2\ndef test_ready(): shop.READY = True\n"
        if number in (0, 2, 3):
            body += f"def test_cart(): shop.CART.append({number})\n"
        tiny.write(f"tests/test_{number}.py", body)
    return tiny.test(VICTIMS, ZZ)


def found(ran: Ran) -> dict[str, Any]:
    """Return what a search printed as JSON."""
    assert "{" in ran.output, ran.output
    told: dict[str, Any] = json.loads(ran.output[ran.output.index("{") :])
    return told


def pasted(tiny: TinyProject, line: str) -> tuple[int, str]:
    """Run a line as a shell would, in the project's folder; return exit code and output."""
    done = subprocess.run(
        shlex.split(line),
        cwd=tiny.path,
        env=tiny.environment(),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_one_polluter(shop: TinyProject) -> None:
    """The test, what it leaves behind and where, that this is it; the printed command shows the failure."""
    ran = shop.greenlane("polluter", f"{ZZ}::test_one")
    assert ran.code == 0, ran.output
    told = ran.output.splitlines()
    lines = told[next(place for place, line in enumerate(told) if line.startswith(ZZ)) :]
    assert f"polluter | {ZZ}::test_one passes alone; 34 tests could change that" in ran.output
    assert lines[0].startswith(f"{ZZ}::test_one fails after this test (")
    assert lines[1:4] == [
        "  tests/test_1.py::test_rate",
        f"CAUSE: {ZZ}::test_one — assert 2 == 1",
        "LEAK attributes shop.RATE from 1 to 2 at tests/test_1.py:8",
    ]
    assert f"that is it: {ZZ}::test_one passes when it is put back" in lines
    code, output = pasted(shop, lines[-1].removeprefix("reproduce: "))
    assert code == 1, output
    assert "1 failed, 1 passed" in output
    assert "assert 2 == 1" in output


def test_three_that_are_harmful_only_together(shop: TinyProject) -> None:
    """All three, in running order, and the command that shows it."""
    ran = shop.greenlane("polluter", f"{ZZ}::test_three", "--json")
    told = found(ran)
    assert ran.code == 0
    assert told["conclusion"] == "polluted"
    assert told["tests"] == [f"tests/test_{number}.py::test_cart" for number in (0, 2, 3)]
    assert {leak["what"] for leak in told["leaks"]} == {"shop.CART"}
    assert told["cured"] is True


def test_a_victim_that_needs_a_helper(shop: TinyProject) -> None:
    """It fails alone, and passes only after another test: that is said, and which."""
    ran = shop.greenlane("polluter", f"{ZZ}::test_helped")
    assert ran.code == 0, ran.output
    assert f"{ZZ}::test_helped fails alone, and needs a helper: it passes only after this test (" in ran.output
    assert "\n  tests/test_1.py::test_ready\n" in ran.output
    assert "LEAK attributes shop.READY from False to True" in ran.output
    code, output = pasted(shop, ran.output.splitlines()[-1].removeprefix("reproduce: "))
    assert (code, "2 passed" in output) == (0, True), output


SAID = {
    "broken": (1, "fails alone, and after every other test: nothing pollutes it"),
    "fine": (1, "passes alone and after 34 other tests in this order; try --seed N"),
    "fin": (2, f"CONFIG_ERROR: no test of the lane is called {ZZ}::test_fin\n  next: did you mean {ZZ}::test_fine"),
}


@pytest.mark.parametrize(("name", "code", "text"), [(name, *told) for name, told in SAID.items()], ids=SAID)
def test_victims_that_nothing_pollutes(shop: TinyProject, name: str, code: int, text: str) -> None:
    """It is said what they are instead, with exit code 1; a name that is none is exit code 2."""
    ran = shop.greenlane("polluter", f"{ZZ}::test_{name}")
    assert ran.code == code, ran.output
    assert text in ran.output


def test_the_lane_is_respected(shop: TinyProject) -> None:
    """Its variables are there and the network is not, in the search and in the command that it prints."""
    told = found(shop.greenlane("polluter", f"{ZZ}::test_lane", "--json"))
    assert told["tests"] == ["tests/test_1.py::test_rate"]
    assert told["cause"] == "AssertionError: (['lo'], 'yes')"


def test_tests_that_end_their_process(shop: TinyProject) -> None:
    """A victim that dies has failed; another test that dies is left out, which is said. Neither ends the search."""
    shop.write("tests/test_2.py", "import os\ndef test_kills(): os._exit(3)\n")
    shop.test("import os, shop\ndef test_dies(): os._exit(3) if shop.RATE != 1 else None\n", ZZ)
    told = found(shop.greenlane("polluter", f"{ZZ}::test_dies", "--json"))
    assert (told["conclusion"], told["tests"]) == ("polluted", ["tests/test_1.py::test_rate"])
    assert told["cause"] == "the process of the test died"
    told = found(shop.greenlane("polluter", "tests/test_3.py::test_a", "--json"))
    assert told["conclusion"] == "never_fails"
    assert sorted(told["notes"]) == [
        "tests/test_2.py::test_kills ends its process, so it was left out",
        f"{ZZ}::test_dies ends its process, so it was left out",
    ]


def test_the_evidence_of_the_last_run_needs_no_test(shop: TinyProject) -> None:
    """The leak guard saw who changed what the victim reads: the answer comes without running anything."""
    assert shop.greenlane("lane", "core").codes >= {"LEAK"}
    ran = shop.greenlane("polluter", f"{ZZ}::test_one")
    assert ran.code == 0
    lines = ran.output.splitlines()
    assert lines[0] == f"{ZZ}::test_one fails after this test (no test run: the leak guard saw it in the last run):"
    assert lines[1:3] == ["  tests/test_1.py::test_rate", "LEAK attributes shop.RATE from 1 to 2 at tests/test_1.py:8"]
    shop.write("tests/test_1.py", "def test_rate(): pass\n")
    assert "passes alone" in shop.greenlane("polluter", f"{ZZ}::test_one").output


WRONG = {
    "no such file": (["tests/test_no.py::test_a"], "tests/test_no.py does not exist in"),
    "no lane": (["conftest.py::test_a"], "no lane has the file conftest.py; lanes: core (tests)"),
    "unknown lane": ([f"{ZZ}::test_one", "--lane", "slow"], "unknown lane 'slow'; known: core"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_word(shop: TinyProject, words: list[str], message: str) -> None:
    """Exit code 2, and what there is instead."""
    ran = shop.greenlane("polluter", *words)
    assert ran.code == 2
    assert f"CONFIG_ERROR: {message}" in ran.output
