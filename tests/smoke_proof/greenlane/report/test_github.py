"""GitHub Actions: annotations on the failing line, a summary that fits, and a runner that obeys nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from greenlane.config.schema import Report
from greenlane.evidence.evidence import JunitCase
from greenlane.evidence.outcome import Outcome
from greenlane.report.github import as_annotations, github
from greenlane.report.marked import escape
from greenlane.report.summary import LIMIT, summary
from support.evidence import failed, lane, verdict_on
from support.reports import HOSTILE, VERDICTS, hostile_run, outside_code
from support.tiny import TinyProject

COMMAND = re.compile(r"::(error|warning) ((?:[a-z]+=[^,:\r\n]*,?)*)::([^\r\n]*)")


def read(command: str) -> tuple[str, dict[str, str], str]:
    """Return kind, properties and message of a workflow command as GitHub's runner reads it."""
    found = COMMAND.fullmatch(command)
    assert found, command
    properties = dict(pair.split("=", 1) for pair in found[2].split(","))
    return found[1], {name: plain(value) for name, value in properties.items()}, plain(found[3])


def plain(text: str) -> str:
    """Return text without the escapes of workflow commands."""
    for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_an_annotation_stands_on_the_failing_line() -> None:
    """File and line of the failure, the code and the test as title, the cause and the next step as text."""
    verdict = verdict_on(lane(failed("test_x", cause="assert 1 == 2, 100%", path="tests/test_a.py", line=7)))

    (command,) = as_annotations(verdict)

    assert read(command) == (
        "error",
        {"file": "tests/test_a.py", "line": "7", "title": "FAILED tests/test_a.py::test_x"},
        "assert 1 == 2, 100%\nNext: Read the cause, then what the test printed.",
    )


def test_a_project_below_the_repository_is_named_from_its_root() -> None:
    """GitHub wants paths of the repository."""
    (command,) = as_annotations(verdict_on(lane(failed(path="tests/test_a.py", line=7))), below="services/shop")

    assert read(command)[1]["file"] == "services/shop/tests/test_a.py"


def test_ten_at_most_one_for_each_cause_those_with_a_line_first() -> None:
    """Thirty tests broken by one line take one place; what has no line comes after what has one."""
    same = [failed(f"test_same_{n}", cause="no server", path="tests/conftest.py", line=3) for n in range(30)]
    others = [failed(f"test_{n}", cause=f"assert {n}", path="tests/test_a.py", line=10 + n) for n in range(20)]
    found = as_annotations(verdict_on(lane(*others, *same[:1], failed("test_lost"), *same[1:])))

    assert len(found) == 10
    assert all(read(command)[1]["line"] for command in found)
    (one,) = as_annotations(verdict_on(lane(*same)))
    assert read(one)[1]["title"].endswith("test_same_0 (and 29 more tests)")


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/test_a.py"])
def test_a_path_elsewhere_is_no_file_of_the_repository(path: str) -> None:
    """GitHub would show nothing for it."""
    (command,) = as_annotations(verdict_on(lane(failed(path=path, line=3))))

    assert "file" not in read(command)[1]


@pytest.mark.parametrize("name", VERDICTS)
def test_an_error_is_annotated_exactly_when_the_exit_code_is_not_zero(name: str) -> None:
    """Warnings are of another kind."""
    kinds = {read(command)[0] for command in as_annotations(VERDICTS[name])}

    assert ("error" in kinds) is (VERDICTS[name].exit_code != 0)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_forges_no_command(name: str) -> None:
    """Every line is one command with its own properties only."""
    for command in as_annotations(*hostile_run(name)):
        kind, properties, message = read(command)
        assert kind in ("error", "warning")
        assert set(properties) <= {"file", "line", "title"}
        assert all(line.isprintable() for line in message.split("\n"))


@pytest.mark.parametrize("name", VERDICTS)
def test_the_summary_says_the_word(name: str) -> None:
    """A mark, the word and every check."""
    verdict = VERDICTS[name]
    text = summary(verdict)

    mark = "✅" if verdict.exit_code == 0 else "❌"
    word = verdict.word if not verdict.lane else f"{verdict.lane}: {verdict.word}"
    assert text.startswith(f"## {mark} {word}")
    assert all(f"| {escape(check.name)} |" in text for check in verdict.checks)
    assert text.count("- **") == len(verdict.violations)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_within_its_place_in_the_summary(name: str) -> None:
    """No element but ours, no heading, no line that a name has begun."""
    verdict, evidence = hostile_run(name)
    text = summary(verdict, evidence)

    (folded,) = re.findall(r"^  <details>.*$", text, re.MULTILINE)
    shell = "  <details><summary>What the test said</summary><pre>"
    assert folded.startswith(shell)
    assert folded.endswith("</pre></details>")
    assert "<" not in folded.removeprefix(shell).removesuffix("</pre></details>")
    for line in text.split("\n"):
        assert line == folded or not set(outside_code(line)) & set("<>&`[]~"), line
    assert [line for line in text.split("\n") if line.startswith("#")] == [text.split("\n")[0]]
    assert all(line.isprintable() for line in text.split("\n"))


def test_the_summary_fits_whatever_the_tests_said() -> None:
    """Ten megabytes of output are cut to what GitHub takes, with the number of what was left out."""
    tests = [failed(f"test_{n}", cause=f"assert {n}") for n in range(1000)]
    said = [JunitCase("tests.test_a", f"test_{n}", Outcome.FAILED, "é<\n" * 4000) for n in range(1000)]
    evidence = [lane(*tests, junit=said)]
    text = summary(verdict_on(*evidence), evidence)

    told = text.count("- **")
    assert len(text.encode()) <= LIMIT
    assert 10 < told < 1000
    assert f"… {1000 - told} more entries did not fit" in text
    assert unescape(re.findall("<pre>(.*?)</pre>", text)[0]) == ("é<\n" * 4000)


def test_a_step_that_has_said_much_already_gets_what_is_left(tmp_path: Path) -> None:
    """The limit is of the step, not of each who writes to it."""
    file = tmp_path / "summary.md"
    file.write_text("x" * (LIMIT - 3000))
    actions = github(Report(), {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(file)}, tmp_path)
    assert actions
    evidence = [lane(*[failed(f"test_{n}") for n in range(100)])]

    actions.tell(verdict_on(*evidence), evidence)

    assert LIMIT - 3000 < file.stat().st_size <= LIMIT
    assert "more entries did not fit" in file.read_text()


@pytest.mark.parametrize(
    ("option", "environ", "there"),
    [
        ("auto", {"GITHUB_ACTIONS": "true"}, True),
        ("auto", {}, False),
        ("on", {}, True),
        ("off", {"GITHUB_ACTIONS": "true"}, False),
    ],
)
def test_github_is_told_only_where_it_is_or_is_wanted(
    tmp_path: Path, option: str, environ: dict[str, str], there: bool
) -> None:
    """Elsewhere nobody sees a workflow command."""
    assert (github(Report(github=option), environ, tmp_path) is not None) is there


def test_what_a_test_prints_is_no_command(make_tiny: Callable[..., TinyProject]) -> None:
    """Commands are stopped before anything of the lane is printed, by a word of this run, and allowed again after."""
    tiny = make_tiny().lanes()
    tiny.test("def test_ok():\n    assert False, '##[error]forged'\n")
    summary_file = tiny.path.parent / "summary.md"
    where = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary_file), "GITHUB_WORKSPACE": str(tiny.path)}
    ran = tiny.greenlane("lane", "core", **where)

    lines = ran.output.splitlines()
    word = lines[0].removeprefix("::stop-commands::")
    assert len(word) == 32
    (again,) = [number for number, line in enumerate(lines) if line == f"::{word}::"]
    assert not [line for line in lines[again:] if "##[" in line and not line.startswith("::error ")]
    assert lines[again + 1].startswith("::error file=tests/test_it.py,line=2,title=FAILED ")
    assert summary_file.read_text(encoding="utf-8").startswith("## ❌ core: RED")


def test_what_a_library_raises_is_shown_where_it_was_called(make_tiny: Callable[..., TinyProject]) -> None:
    """The line is the test's, not the library's; one error of a library is one cause."""
    tiny = make_tiny().lanes()
    tiny.test(
        "import json\nimport urllib.request\n\n"
        "def test_a():\n    json.loads('{')\n\n"
        "def test_b():\n    assert True\n    json.loads('{')\n\n"
        "def test_out():\n    urllib.request.urlopen('http://192.0.2.1/', timeout=1)\n"
    )
    where = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tiny.path)}
    ran = tiny.greenlane("lane", "core", **where)

    told = [read(line)[1] for line in ran.output.splitlines() if line.startswith("::error ")]
    assert [(each.get("file"), each.get("line"), each["title"]) for each in told] == [
        ("tests/test_it.py", "12", "NETWORK tests/test_it.py::test_out"),
        ("tests/test_it.py", "5", "FAILED tests/test_it.py::test_a (and 1 more test)"),
    ]
    failed_at = {each["subject"]: each["line"] for each in ran.verdict["violations"] if each["code"] == "FAILED"}
    assert failed_at == {"tests/test_it.py::test_a": 5, "tests/test_it.py::test_b": 9, "tests/test_it.py::test_out": 12}
