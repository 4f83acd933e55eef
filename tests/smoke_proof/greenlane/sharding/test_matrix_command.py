"""`greenlane matrix`: the jobs of a policy, and the lanes that `pythons` makes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from greenlane.cli.main import main
from support.tiny import TinyProject

CONFIGURATION = """\
[project]
name = "it"
version = "1"
requires-python = ">=3.12"

[tool.greenlane.lanes.core]
kind = "deterministic"
tests = ["tests/core"]
pythons = ["3.13"]
budget = 90

[tool.greenlane.lanes.nd]
kind = "nondeterministic"
tests = ["tests/nd"]
shards = ["shard_a", "shard_b"]
lock = "locks/shared.txt"
budget = 0

[tool.greenlane.lanes.release]
kind = "release"
tests = ["tests/release"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with every kind of lane."""
    for name in ("READINESS_EXPECT", "READINESS_LIVE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    return tmp_path


def test_every_lane_shard_and_interpreter_is_a_job(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The default policy has each of them once, with a lock for the cache and time beyond the budget."""
    assert main(["matrix", "--project", str(project)]) == 0
    jobs = json.loads(capsys.readouterr().out)["include"]
    assert [(job["name"], job["lane"], job["shard"], job["python"], job["lock"]) for job in jobs] == [
        ("core", "core", "", "3.12", "locks/core.txt"),
        ("core-3.13", "core-3.13", "", "3.13", "locks/core.txt"),
        ("nd-shard_a", "nd", "shard_a", "3.12", "locks/shared.txt"),
        ("nd-shard_b", "nd", "shard_b", "3.12", "locks/shared.txt"),
    ]
    assert [job["minutes"] for job in jobs] == [17, 17, 360, 360]


def test_other_policies_run_on_one_interpreter(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`deploy` has the lanes as they are written; a kind narrows it."""
    assert main(["matrix", "--project", str(project), "--policy", "deploy", "--kind", "deterministic"]) == 0
    assert [job["name"] for job in json.loads(capsys.readouterr().out)["include"]] == ["core"]


def test_an_empty_matrix_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub fails a workflow with an empty matrix, so that nobody gets one without asking."""
    assert main(["matrix", "--project", str(project), "--kind", "release"]) == 2
    assert "needs no lane of kind release" in capsys.readouterr().err


def test_the_outputs_for_github(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three matrices and whether each has jobs; every lane is in exactly one of them."""
    output = tmp_path / "output"
    output.write_text("earlier=1\n")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    assert main(["matrix", "--project", str(project), "--github"]) == 0
    assert told(output) == {
        "lanes": ["core", "core-3.13", "nd-shard_a", "nd-shard_b"], "lanes_any": True,
        "real": [], "real_any": False, "live": [], "live_any": False, "earlier": 1,
    }  # fmt: skip
    output.write_text("")
    assert main(["matrix", "--project", str(project), "--github", "--real", "--live"]) == 0
    assert told(output) == {
        "lanes": ["core", "core-3.13"], "lanes_any": True,
        "real": ["nd-shard_a", "nd-shard_b"], "real_any": True, "live": ["release"], "live_any": True,
    }  # fmt: skip
    assert "live_any=true" in capsys.readouterr().out


def told(output: Path) -> dict[str, object]:
    """Return a file of outputs, matrices as the names of their jobs."""
    pairs = (line.split("=", 1) for line in output.read_text().splitlines())
    values = {name: json.loads(text) for name, text in pairs}
    return {k: [job["name"] for job in v["include"]] if isinstance(v, dict) else v for k, v in values.items()}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('pythons = ["3.13", "3.13"]', "lanes.core.pythons: each version is named once"),
        ('pythons = ["three"]', "lanes.core.pythons: 'three' is not a version such as 3.12"),
        ('python = "3.13"\npythons = ["3.13"]', "lanes.core.pythons: each version is named once"),
        ('variant_of = "nd"', "lanes.core.variant_of: unknown key"),
    ],
)
def test_wrong_interpreters_are_told(project: Path, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    """Versions that are none, or stand twice, are configuration errors."""
    (project / "pyproject.toml").write_text(CONFIGURATION.replace('pythons = ["3.13"]', line))
    assert main(["matrix", "--project", str(project)]) == 2
    assert said in capsys.readouterr().err


def test_a_name_that_is_taken_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lane that is written cannot be one that `pythons` makes."""
    more = '\n[tool.greenlane.lanes."core-3.13"]\nkind = "release"\ntests = ["x"]\n'
    (project / "pyproject.toml").write_text(CONFIGURATION + more)
    assert main(["matrix", "--project", str(project)]) == 2
    assert "core-3.13 is a lane already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        ({"nd": '["a"]', "nd-a": "[]"}, "lanes.nd.shards: nd/a and nd-a would be one job, nd-a"),
        ({"nd": '["a-b"]', "nd-a": '["b"]'}, "lanes.nd-a.shards: nd-a/b and nd/a-b would be one job, nd-a-b"),
    ],
)
def test_two_jobs_of_one_name_are_told(
    project: Path, capsys: pytest.CaptureFixture[str], lanes: dict[str, str], said: str
) -> None:
    """Jobs name their artifacts: a shard and a lane must not be called the same."""
    tables = [
        f'[tool.greenlane.lanes.{name}]\nkind = "nondeterministic"\ntests = ["x"]\nshards = {shards}\n'
        for name, shards in lanes.items()
    ]
    (project / "pyproject.toml").write_text("".join(tables))
    assert main(["matrix", "--project", str(project)]) == 2
    assert said in capsys.readouterr().err


def test_a_made_lane_runs(tiny: TinyProject) -> None:
    """A lane of `pythons` is a lane like any other: same tests, same lock, evidence of its own."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert shutil.which(f"python{version}") or sys.executable
    tiny.lanes(core={"kind": "deterministic", "tests": ["tests"], "pythons": [version]})
    tiny.test("def test_ok():\n    assert True\n")
    ran = tiny.greenlane("lane", f"core-{version}")
    assert ran.code == 0, ran.output
    assert (tiny.path / ".artifacts" / f"core-{version}" / "lane.json").exists()
    assert not (tiny.path / ".artifacts" / "core").exists()
