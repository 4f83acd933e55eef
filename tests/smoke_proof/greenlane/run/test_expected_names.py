"""The headline command of the people whom this is for, and the names that it expects, through the command line."""

from __future__ import annotations

import pytest

from support.tiny import CORE, TinyProject

PASSING = "def test_ok(): pass\n"
HEADLINE = {"READINESS_LIVE": "1", "STRICT_READY": "1", "READINESS_EXPECT": "all_smokes_core"}


@pytest.fixture
def project(tiny: TinyProject) -> TinyProject:
    """A project with the lanes and names of theirs, and a live provider whose gate is closed."""
    release = {"kind": "release", "tests": ["live"], "providers": ["gemini"]}
    nd = {"kind": "nondeterministic", "tests": ["nd"], "shards": ["shard_a"], "shard_aliases": {"shard_a": ["first"]}}
    tiny.lanes(core={**CORE, "aliases": ["all_smokes_core"]}, nd={**nd, "aliases": ["all_smokes_nd"]}, release=release)
    tiny.section("providers", {"gemini": {"secrets": ["GEMINI_API_KEY"]}})
    tiny.test("import pytest\n@pytest.mark.provider('gemini')\ndef test_live(): assert 0\n", "live/test_live.py")
    return tiny.test(PASSING).test(PASSING, "nd/test_nd.py")


def test_the_headline_command(project: TinyProject) -> None:
    """Live checks asked for, strict, core expected by its old name: READY, and the closed gate is told."""
    ran = project.greenlane("ready", **HEADLINE)
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert (ran.verdict["word"], ran.verdict["strict"], ran.verdict["expected"]) == ("READY", True, ["core"])
    assert "SKIP gemini: LIVE_PROVIDERS is not 1; GEMINI_API_KEY is not set" in ran.output


NOT_THERE = {
    "skipped": ("import pytest\n@pytest.mark.skip(reason='later')\ndef test_no(): pass\n" + PASSING, "SKIPPED"),
    "missing": ("class Test:\n    def __init__(self): pass\n    def test_a(self): pass\n" + PASSING, "PARTIAL"),
    "none": ("VALUE = 1\n", "NO_TESTS"),
}


@pytest.mark.parametrize(("body", "code"), NOT_THERE.values(), ids=NOT_THERE.keys())
def test_the_headline_command_without_a_test(project: TinyProject, body: str, code: str) -> None:
    """A core test that is skipped, not collected, or not there makes the same command NOT READY."""
    ran = project.test(body).greenlane("ready", **HEADLINE)
    assert ran.code == 1, ran.output
    assert code in ran.codes, ran.output
    assert "NOT READY" in ran.output.splitlines()[-1]


@pytest.mark.parametrize("environ", [{"READINESS_EXPECT": "all_smoke_core"}, {"STRICT_READY": "perhaps"}])
def test_a_list_of_sessions_whatever_is_exported(project: TinyProject, environ: dict[str, str]) -> None:
    """`nox -l` lists, and what runs or judges says what is wrong with a variable, with the nearest known name."""
    listed = project.nox("core", "-l", **environ)
    assert listed.code == 0, listed.output
    assert "all_smokes_core -> another name of core" in listed.output
    for ran in (project.nox("core", **environ), project.greenlane("ready", **environ)):
        assert ran.code == 2, ran.output
        (line,) = [line for line in ran.output.splitlines() if line.startswith("CONFIG_ERROR: ")]
        assert "unknown name 'all_smoke_core' (did you mean 'all_smokes_core'?); known: core, " in line or (
            "STRICT_READY: 'perhaps' is neither on" in line
        )


def test_a_lane_and_a_shard_by_another_name(project: TinyProject) -> None:
    """The alias of a lane is a session, and the alias of a shard names it; both judge the lane of that name."""
    ran = project.nox("all_smokes_nd", "--", "first")
    assert ran.code == 0, ran.output
    assert "nd/shard_a" in ran.output
    assert "nd: GREEN" in ran.output
    ran = project.nox("all_smokes_nd", "--", "frst")
    assert ran.code == 2
    assert "CONFIG_ERROR: lane nd has no shard 'frst' (did you mean 'first'?); known: shard_a" in ran.output


def test_a_name_that_two_lanes_have(project: TinyProject) -> None:
    """It is a session, too: each lane runs by itself, the second though the first is red, and one red is an error."""
    both = {"aliases": ["all_smokes_core"]}
    house = {**CORE, **both, "tests": ["house"], "lock": "locks/core.txt"}
    project.lanes(core={**CORE, **both}, house=house)
    project.test("def test_bad(): assert 0\n").test(PASSING, "house/test_house.py")
    assert "all_smokes_core -> each of core, house" in project.nox("core", "-l").output
    ran = project.nox("all_smokes_core")
    assert ran.code == 1, ran.output
    assert ("core: RED" in ran.output, "house: GREEN" in ran.output) == (True, True), ran.output
    ran = project.test(PASSING).nox("all_smokes_core")
    assert ran.code == 0, ran.output
    assert ("core: GREEN" in ran.output, "house: GREEN" in ran.output) == (True, True), ran.output
