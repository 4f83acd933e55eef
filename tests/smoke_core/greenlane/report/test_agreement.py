"""Every report of a verdict says the same as the exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from greenlane.config.schema import Configuration, Report
from greenlane.judge.causes import group
from greenlane.report.ctrf import as_ctrf
from greenlane.report.junit import as_junit
from greenlane.report.machine import as_json
from greenlane.report.markdown import markdown
from greenlane.report.page import as_page
from greenlane.report.terminal import plain
from greenlane.report.write import write_reports
from support.reports import HOSTILE, VERDICTS, hostile, hostile_run, outside_code

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

    assert told["schema"] == 2
    assert (told["exit_code"], told["ready"], told["word"]) == (verdict.exit_code, verdict.ready, verdict.word)
    assert (told["exit_code"] == 0) is (told["violations"] == [])
    assert [v["code"] for v in told["violations"]] == [v.code for v in verdict.violations]
    assert [check["name"] for check in told["checks"]] == [check.name for check in verdict.checks]
    assert told["causes"] == list(verdict.causes)


@ALL
def test_junit_has_a_failure_exactly_when_the_exit_code_is_not_zero(name: str) -> None:
    """A CI that only reads JUnit sees the same colour, and the counts are those of the cases."""
    verdict = VERDICTS[name]

    (suite,) = ElementTree.fromstring(as_junit(verdict, []))

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
    assert sum(line.startswith(("VIOLATION: ", "CONFIG_ERROR: ")) for line in lines) == len(verdict.violations)
    assert sum(line.startswith("WARNING: ") for line in lines) == len(verdict.warnings)
    assert [line for line in lines if line.startswith("CAUSE: ")] == list(verdict.causes)
    assert bool([line for line in lines if line.startswith("  next: ")]) is bool(verdict.violations)


@ALL
def test_ctrf_has_a_failed_test_exactly_when_the_exit_code_is_not_zero(name: str) -> None:
    """Whoever reads CTRF sees the same colour, the word beside it, and counts that are those of the tests."""
    verdict = VERDICTS[name]

    results = json.loads(as_ctrf(verdict))["results"]

    summary, statuses = results["summary"], [test["status"] for test in results["tests"]]
    assert bool(summary["failed"]) is (verdict.exit_code != 0)
    assert results["environment"]["healthy"] is (verdict.exit_code == 0)
    assert (results["extra"]["greenlane"]["word"], summary["tests"]) == (verdict.word, len(statuses))
    assert {name: statuses.count(name) for name in ("passed", "failed", "skipped", "pending", "other")}.items() <= (
        summary.items()
    )


@ALL
def test_the_page_begins_with_the_word(name: str) -> None:
    """Title and first heading are the answer, green only when the exit code is 0, and every violation is told."""
    verdict = VERDICTS[name]

    page = as_page(verdict)

    assert re.findall(r"<h1>.*?</span> (.*?)</h1>", page) == [verdict.word]
    assert re.findall(r'<header class="(good|bad)">', page) == ["good" if verdict.exit_code == 0 else "bad"]
    assert page.count('<article class="cause">') == len(group(verdict.violations))
    assert all(violation.code.value in page for violation in (*verdict.violations, *verdict.warnings))
    assert all(f"<b>{check.name}</b>" in page for check in verdict.checks)


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
    text = as_junit(*hostile_run(name)).encode("utf-8")

    suite, tests = ElementTree.fromstring(text)

    assert len(tests) == 2

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
    lines = markdown(*hostile_run(name)).split("\n")

    assert all(line.isprintable() for line in lines)
    headings, harmless = (
        [line for line in text if line.startswith("#")]
        for text in (lines, markdown(*hostile_run("quotes")).split("\n"))
    )
    assert headings[0] == "# NOT READY"
    assert headings == harmless == list(dict.fromkeys(harmless))
    for line in lines:
        live = outside_code(line)
        assert not set(live) & set("<>&`[]*~"), line
        if line.startswith("|"):
            assert live.count("|") in (5, 6, 7, 10), line


def test_reports_of_a_project_are_written_where_configured(tmp_path: Path) -> None:
    """Markdown, JSON and JUnit; an empty name writes nothing."""
    verdict = VERDICTS["failed"]

    written = write_reports(verdict, tmp_path, Configuration(report=Report(markdown="", json="out/r.json")))

    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "out/r.json", ".artifacts/verdict.html", ".artifacts/verdict.ctrf.json", ".artifacts/verdict.xml",
        ".artifacts/verdict.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "out/r.json").read_text())["exit_code"] == 1
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["r.json", "verdict.ctrf.json", "verdict.html", "verdict.json", "verdict.xml"]


def test_a_page_and_ctrf_can_go_elsewhere_or_nowhere(tmp_path: Path) -> None:
    """An empty name writes none, another name writes it there."""
    report = Report(markdown="", json="", html="site/index.html", ctrf="")
    written = write_reports(VERDICTS["ready"], tmp_path, Configuration(report=report))

    names = [path.relative_to(tmp_path).as_posix() for path in written]
    assert names == ["site/index.html", ".artifacts/verdict.xml", ".artifacts/verdict.json"]


def test_the_reports_of_a_lane_stay_with_the_lane(tmp_path: Path) -> None:
    """A green lane must not leave a PROJECT_READY.md that says anything about the project."""
    write_reports(VERDICTS["lane-green"], tmp_path, Configuration())

    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    lane = VERDICTS["lane-green"].lane
    assert files == [f".artifacts/verdicts/{lane}.{kind}" for kind in ("ctrf.json", "html", "json", "md", "xml")]


@EVIL
def test_hostile_reports_can_be_written(tmp_path: Path, name: str) -> None:
    """No text stops the verdict from being told."""
    verdict, evidence = hostile_run(name)

    for path in write_reports(verdict, tmp_path, Configuration(), evidence):
        assert path.read_bytes().decode("utf-8")
