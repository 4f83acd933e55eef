"""`greenlane history …` as users run it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from greenlane.sharding.plan import Durations
from support.remembered import STEADY, TEST, Remembering, ended, run_of, runs_of

JUNIT = '<testsuite name="s"><testcase classname="a.B" name="works" time="0.5"/></testsuite>'


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Remembering:
    """A project with a history."""
    return Remembering(tmp_path, capsys)


def test_show_runs(project: Remembering) -> None:
    """Runs that lanes left in the spool are stored and listed, newest first; the spool is empty then."""
    project.remember([*runs_of("pf"), run_of(9, broken="a worker crashed")])
    code, output = project.greenlane("history", "show")
    assert code == 0
    head, *rows = output.splitlines()
    assert head.split()[:3] == ["started", "(UTC)", "run"]
    assert [row.split()[2] for row in rows] == ["run-0009/nd", "run-0001/nd", "run-0000/nd"]
    assert rows[0].endswith("broken: a worker crashed")
    assert list(project.spool.glob("*.json")) == []


def test_show_a_test(project: Remembering) -> None:
    """The outcomes of one test are told with run, machine, tree and cause, also as JSON."""
    project.remember(runs_of("pfb"))
    _, output = project.greenlane("history", "show", TEST)
    assert [line.split()[2] for line in output.splitlines()[1:]] == ["passed", "failed", "passed"]
    assert "(run again)" in output.splitlines()[1]
    assert "run-0001/nd  ci-1" in output.splitlines()[2]
    assert output.splitlines()[2].endswith("boom")
    rows = project.json("history", "show", TEST, "--lane", "nd", "--limit", "1")
    assert [(row["run"], row["outcome"], row["both"], row["seed"]) for row in rows] == [
        ("run-0002/nd", "passed", True, 0)
    ]


def test_show_an_unknown_test(project: Remembering) -> None:
    """A test that history does not know is exit 2 with a next step."""
    assert project.greenlane("history", "show", "nowhere")[0] == 2
    assert "CONFIG_ERROR: history knows no test 'nowhere'" in project.error


def test_trend(project: Remembering) -> None:
    """A lane and a test are shown day by day, with shares and counts."""
    project.remember(runs_of("pf"))
    (day,) = project.json("history", "trend", "--lane", "nd", "--days", "20000")
    assert (day["runs"], day["red"], day["passed"], day["failed"]) == (2, 1, 3, 1)
    _, output = project.greenlane("history", "trend", TEST, "--days", "20000")
    assert "2025-06-15" in output
    assert " 50.0%" in output
    assert "1 of 2 failed" in output
    assert project.json("history", "trend", "--days", "20000") == []
    _, output = project.greenlane("history", "trend", "--days", "20000")
    assert output == "nothing of lane core is recorded in the last 20000 days\n"


def test_export(project: Remembering) -> None:
    """The file of durations is what shards read; it is renewed by whatever stores a run."""
    project.remember([run_of(1, ended("p", seconds=1.5), ended("s", STEADY))])
    project.greenlane("history", "show")
    path = project.path / ".greenlane" / "durations.json"
    assert msgspec.json.decode(path.read_bytes(), type=Durations).lanes == {"nd": {TEST: 1.5}}
    other = project.path / "elsewhere.json"
    assert project.json("history", "export", "--out", str(other)) == {"file": str(other)}
    assert other.read_bytes() == path.read_bytes()


def test_import(project: Remembering) -> None:
    """A JUnit file is imported once; a dry run reads it and imports nothing."""
    report = project.path / "report.xml"
    report.write_text(JUNIT)
    words = ("history", "import", str(report), "--lane", "unit")
    assert "would be imported" in project.greenlane(*words, "--dry-run")[1]
    assert project.json("history", "show") == []
    assert project.json(*words)["new"] is True
    assert project.json(*words)["new"] is False
    (row,) = project.json("history", "show", "a.B::works")
    assert (row["lane"], row["outcome"], row["seconds"]) == ("unit", "passed", 0.5)


def test_import_nothing_by_halves(project: Remembering) -> None:
    """One broken file among several: exit 2, and none of them is imported."""
    good, bad = project.path / "good.xml", project.path / "bad.xml"
    good.write_text(JUNIT)
    bad.write_text(JUNIT[:-5])
    assert project.greenlane("history", "import", str(good), str(bad))[0] == 2
    assert "CONFIG_ERROR:" in project.error
    assert "bad.xml" in project.error
    assert project.json("history", "show") == []


def test_import_on_the_current_tree(project: Remembering) -> None:
    """Two reports of one tree that contradict each other make a flake; without a tree they do not."""
    report = project.path.parent / f"{project.path.name}.xml"
    for number, body in enumerate(("/>", '><failure message="boom"/></testcase>')):
        report.write_text(JUNIT.replace("/>", body))
        project.greenlane("history", "import", str(report), "--lane", "nd", "--run", f"r{number}", "--tree", "current")
        project.greenlane("history", "import", str(report), "--lane", "nd", "--run", f"x{number}")
    report.unlink()
    trees = {row["run"]: row["tree"] for row in project.json("history", "show")}
    assert len({trees["r0/nd"], trees["r1/nd"]} - {""}) == 1
    assert (trees["x0/nd"], trees["x1/nd"]) == ("", "")


def test_prune(project: Remembering) -> None:
    """Old runs are removed after a dry run said how many; without a word on what to remove it is exit 2."""
    project.remember(runs_of("ppp"))
    assert project.greenlane("history", "prune")[0] == 2
    assert project.greenlane("history", "prune", "--keep-days", "0")[0] == 2
    project.greenlane("history", "ingest")
    assert (
        "3 runs with 6 outcomes would be removed"
        in project.greenlane("history", "prune", "--keep-days", "9", "--dry-run")[1]
    )
    assert project.json("history", "prune", "--run", "run-0001")["runs"] == 1
    assert project.json("history", "prune", "--keep-days", "9") == {"runs": 2, "outcomes": 4, "tests": 2}
    assert project.json("history", "show") == []


def test_a_damaged_file_of_the_spool(project: Remembering) -> None:
    """A file that is no run is kept aside and said; the others are stored."""
    project.remember([run_of(1)])
    (project.spool / "a.run.json").write_text("{")
    code, output = project.greenlane("history", "ingest")
    assert code == 0
    assert "a.run.json.damaged is no recorded run" in output
    assert "1 runs stored" in output
    assert (project.spool / "a.run.json.damaged").exists()


def test_a_database_that_is_away(project: Remembering, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that nobody answers is exit 2 without its password; the runs wait in the spool."""
    file = project.path / "pyproject.toml"
    file.write_text(file.read_text().replace('ingest = "later"', 'ingest = "later", url = "env:HISTORY_URL"'))
    missing = project.path / "file"
    missing.write_text("")
    monkeypatch.setenv("HISTORY_URL", f"sqlite:///{missing}/in/a/file.sqlite")
    project.remember([run_of(1)])
    assert project.greenlane("history", "show")[0] == 2
    monkeypatch.delenv("HISTORY_URL")
    assert len(project.json("history", "show")) == 1


def test_help_has_examples(project: Remembering) -> None:
    """Each verb is listed with one line, and there are examples."""
    _, output = project.greenlane("history", "--help")
    assert all(verb in output for verb in ("show", "trend", "import", "export", "prune", "ingest"))
    assert "greenlane history import build/test-results/*.xml" in output


def test_json_is_json(project: Remembering) -> None:
    """Nothing but JSON is printed where JSON is asked for."""
    project.remember(runs_of("p"))
    _, output = project.greenlane("history", "ingest", "--json")
    assert json.loads(output) == {"stored": 1}
