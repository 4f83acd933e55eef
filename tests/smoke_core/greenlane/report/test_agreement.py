"""Every report of a verdict says the same as the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from greenlane.model.configuration import Configuration, Report
from greenlane.model.verdict import Verdict
from greenlane.report.machine import as_json, as_junit
from greenlane.report.markdown import markdown
from greenlane.report.terminal import plain
from greenlane.report.write import write_aside, write_reports
from support.reports import HOSTILE, VERDICTS, hostile

CODES = {"wrong-setting": 2, "interrupted": 130}
RED = {"failed", "no-evidence", "nothing-ran", "expected-not-run", "lane-red"}

ALL = pytest.mark.parametrize("name", VERDICTS)
EVIL = pytest.mark.parametrize("name", HOSTILE)


@ALL
def test_the_exit_code_is_the_one_of_its_kind(name: str) -> None:
    """0 for ready, 1 for red, 2 for settings, 130 for interrupted."""
    assert VERDICTS[name].exit_code == CODES.get(name, 1 if name in RED else 0)


@ALL
def test_json_says_what_the_exit_code_says(name: str) -> None:
    """A program that reads any of the fields decides alike."""
    verdict = VERDICTS[name]

    told = json.loads(as_json(verdict))

    assert told["schema"] == 1
    assert (told["exit_code"], told["ready"], told["word"]) == (verdict.exit_code, verdict.ready, verdict.word)
    assert (told["exit_code"] == 0) is (told["violations"] == [])
    assert [v["code"] for v in told["violations"]] == [v.code for v in verdict.violations]
    assert [check["name"] for check in told["checks"]] == [check.name for check in verdict.checks]
    assert told["causes"] == list(verdict.causes)


@ALL
def test_junit_has_a_failure_exactly_when_the_exit_code_is_not_zero(name: str) -> None:
    """A CI that only reads JUnit sees the same colour, and the counts are those of the cases."""
    verdict = VERDICTS[name]

    (suite,) = ElementTree.fromstring(as_junit(verdict))

    cases = suite.findall("testcase")
    assert bool(suite.findall("testcase/failure")) is (verdict.exit_code != 0)
    assert int(suite.get("tests", "")) == len(cases)
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped"))
    assert {case.get("name") for case in cases} >= {check.name for check in verdict.checks}


@ALL
def test_markdown_begins_with_the_word(name: str) -> None:
    """The first line of PROJECT_READY.md is the answer; every violation has its code and next step."""
    verdict = VERDICTS[name]

    text = markdown(verdict)

    assert text.splitlines()[0] == f"# {verdict.word}"
    for violation in verdict.violations:
        assert f"**{violation.code.value}**" in text
        assert violation.next_step[:20].replace("`", "\\`") in text
    assert ("None." in text) is (not verdict.violations and not verdict.warnings)


@ALL
def test_the_terminal_ends_with_the_word(name: str) -> None:
    """The last line is the answer, and every violation, warning and cause is a line of its own."""
    verdict = VERDICTS[name]

    lines = plain(verdict)

    assert lines[-1].startswith((f"{verdict.word} (policy", f"{verdict.lane}: {verdict.word}"))
    assert sum(line.startswith("VIOLATION: ") for line in lines) == len(verdict.violations)
    assert sum(line.startswith("WARNING: ") for line in lines) == len(verdict.warnings)
    assert [line for line in lines if line.startswith("CAUSE: ")] == list(verdict.causes)
    assert bool([line for line in lines if line.startswith("  next: ")]) is bool(verdict.violations)


@EVIL
def test_hostile_text_stays_within_its_line_on_a_terminal(name: str) -> None:
    """No name can forge a line, move the cursor or colour what follows."""
    verdict = hostile(name)

    lines = plain(verdict)

    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith(("READY", "NOT READY"))] == ["NOT READY (policy dev)"]
    assert len(lines) == len("\n".join(lines).splitlines())


@EVIL
def test_hostile_text_leaves_junit_readable(name: str) -> None:
    """The XML parses, and nothing but the replaced characters is lost."""
    text = as_junit(hostile(name)).encode("utf-8")

    (suite,) = ElementTree.fromstring(text)

    failure = suite.find("testcase[@name='core']/failure")
    assert failure is not None
    assert "tests/test_a.py::test_x[" in (failure.text or "")


@EVIL
def test_hostile_text_goes_through_json_unchanged(name: str) -> None:
    """JSON can hold every text; a program gets the name that the test has."""
    verdict = hostile(name)

    told = json.loads(as_json(verdict).encode("utf-8"))

    assert f"tests/test_a.py::test_x[{HOSTILE[name]}]" in [violation["subject"] for violation in told["violations"]]


@EVIL
def test_hostile_text_stays_within_its_place_in_markdown(name: str) -> None:
    """Tables keep their columns, no new heading appears, no markup is live, no code span is left open."""
    lines = markdown(hostile(name)).split("\n")

    assert all(line.isprintable() for line in lines)
    headings = [line for line in lines if line.startswith("#")]
    assert headings[0] == "# NOT READY"
    assert len(headings) == len(set(headings)) == 9
    for line in lines:
        live = outside_code(line)
        assert not set(live) & set("<>&`[]*~"), line
        if line.startswith("|"):
            assert live.count("|") in (5, 8), line


def outside_code(line: str) -> str:
    """Return what Markdown reads as markup: without escaped characters and code spans, all of which must end.

    Pipes within code count, because they split tables all the same.
    """
    live, code, position = "", False, 0
    while position < len(line):
        if line[position] == "`":
            code = not code
        elif line[position] == "\\" and not code:
            position += 1
        elif not code or line[position] == "|":
            live += line[position]
        position += 1
    assert not code, line
    return live.replace("**", "", 2)  # the code of a violation


def test_reports_of_a_project_are_written_where_configured(tmp_path: Path) -> None:
    """Markdown, JSON and JUnit; an empty name writes nothing."""
    verdict = VERDICTS["failed"]

    written = write_reports(verdict, tmp_path, Configuration(report=Report(markdown="", json="out/r.json")))

    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "out/r.json", ".artifacts/verdict.xml", ".artifacts/verdict.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "out/r.json").read_text())["exit_code"] == 1
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == [
        "r.json",
        "verdict.json",
        "verdict.xml",
    ]


def test_the_reports_of_a_lane_stay_with_the_lane(tmp_path: Path) -> None:
    """A green lane must not leave a PROJECT_READY.md that says anything about the project."""
    write_reports(VERDICTS["lane-green"], tmp_path, Configuration())

    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    lane = VERDICTS["lane-green"].lane
    assert files == [f".artifacts/verdicts/{lane}.json", f".artifacts/verdicts/{lane}.xml"]


@EVIL
def test_hostile_reports_can_be_written(tmp_path: Path, name: str) -> None:
    """No text stops the verdict from being told."""
    verdict: Verdict = hostile(name)

    for path in write_reports(verdict, tmp_path, Configuration()):
        assert path.read_bytes().decode("utf-8")


def test_a_report_replaces_the_old_one_at_once(tmp_path: Path) -> None:
    """A reader that has the old file open keeps the old file whole."""
    target = tmp_path / "report"
    write_aside(target, "old")
    with target.open() as reader:
        write_aside(target, "new")
        assert reader.read() == "old"

    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
