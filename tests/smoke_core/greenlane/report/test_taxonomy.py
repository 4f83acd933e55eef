"""What PROJECT_READY.md says of lanes, evidence, and what the policy did without."""

from __future__ import annotations

import pytest

from greenlane.evidence.evidence import DeclaredLane
from greenlane.evidence.verdict import Verdict
from greenlane.report.markdown import markdown
from support.evidence import but, closed, lane, nd, outcome, shard, verdict_on

CORE = DeclaredLane(
    name="core", kind="deterministic", tests=("tests/core",), budget=600.0, policies=("dev", "deploy", "matrix")
)
ND = DeclaredLane(
    name="nd", kind="nondeterministic", tests=("tests/nd",), shards=("shard_a", "shard_b"), budget=1200.0,
    policies=("deploy", "matrix"), services=("model",),
)  # fmt: skip
RELEASE = DeclaredLane(
    name="release", kind="release", tests=("tests/live",),
    providers={"gemini": "generativelanguage.googleapis.com", "ollama": ""},
)  # fmt: skip
DECLARED = (CORE, ND, RELEASE)
BOTH = ("tests/nd/test_a.py::test_a", "tests/nd/test_b.py::test_b")


def dev() -> Verdict:
    """Return the verdict of a policy that needs one lane of three."""
    own = but(lane(), source="/p/.artifacts/core")
    made = verdict_on(own, declared_lanes=DECLARED, gates=(closed(),), providers={"gemini": "release"})
    return but(made, project="/p")


def section(text: str, title: str) -> list[str]:
    """Return the lines of a section that say something."""
    return [line for line in text.split(f"## {title}\n", 1)[1].split("\n## ", maxsplit=1)[0].splitlines() if line]


def test_every_lane_is_listed() -> None:
    """Kind, network, budget and policies of each, and that it ran or why not; then the split in words."""
    lines = section(markdown(dev()), "Lanes")
    assert lines[2:5] == [
        "| core | deterministic | none but its own loopback | 600 s | dev, deploy, matrix | ran, PASS |",
        "| nd | nondeterministic | loopback and the one base | 1200 s | deploy, matrix |"
        " not run: policy dev does not need it |",
        "| release | release | its live providers (generativelanguage.googleapis.com, ollama where the caller says) |"
        " no limit | none | not run: policy dev does not need it |",
    ]
    assert lines[5].startswith("A test belongs to exactly one lane")
    assert lines[6] == "- core: `tests/core`, hermetic and repeatable; a skip is a failure"
    assert "cut into shard\\_a and shard\\_b: pinned tests where their mark says" in lines[7]


def test_every_check_has_its_evidence() -> None:
    """A lane's is a folder, made with this lock by these workers; a closed provider has none, and says why."""
    evidence = but(lane(outcome("test_one")), source="/p/.artifacts/core")
    lines = section(markdown(dev(), [evidence]), "Evidence")
    assert lines[3].startswith("| core | PASS | `.artifacts/core` | 3.11.9 | kernel | `10c410c410c4` |")
    assert lines[4] == "| gemini | SKIP | none: GEMINI\\_API\\_KEY is not set |  |  |  |  |  |  |"


def test_what_the_policy_did_not_need() -> None:
    """Lanes with what runs them, providers with the reason, and how to need them."""
    assert section(markdown(dev()), "Not needed by policy dev") == [
        "- lane nd: deploy and matrix would need it; `nox -s nd` runs it",
        "- lane release: no policy would need it; `nox -s release` runs it",
        "- gemini: SKIP, GEMINI\\_API\\_KEY is not set; `READINESS_EXPECT=gemini` would need it",
    ]


def test_a_policy_that_needs_everything() -> None:
    """Nothing is left out, and it says so."""
    text = markdown(verdict_on(lane(), declared_lanes=(CORE,)))
    assert section(text, "Not needed by policy dev") == ["Nothing: it needs every lane."]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("shard_a", "shard_b"), "ran, PASS"),
        (("shard_a",), "ran 1 of 2: nd/shard\\_a"),
        ((), "not run: no evidence"),
    ],
)
def test_shards_that_ran(names: tuple[str, ...], told: str) -> None:
    """A lane of which a shard is missing says which ran."""
    made = [shard(name, outcome(BOTH[name == "shard_b"]), collected=BOTH) for name in names]
    verdict = verdict_on(*made, checks=("nd/shard_a", "nd/shard_b"), declared_lanes=(ND,))
    (row,) = [line for line in section(markdown(verdict), "Lanes") if line.startswith("| nd |")]
    assert row.endswith(f"| {told} |")


def test_a_lane_by_itself() -> None:
    """The verdict of one lane says nothing of a policy."""
    text = markdown(verdict_on(nd(), lane="nd", declared_lanes=DECLARED))
    assert "not run: only nd was asked for" in text
    assert "## Not needed" not in text
