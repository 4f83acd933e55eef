"""What people see: colours on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from greenlane.evidence.evidence import JunitCase
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.judge import judge
from greenlane.report.terminal import LINES, plain, show
from support.evidence import but, demand, failed, lane, outcome, skipped, verdict_on
from support.reports import HOSTILE, VERDICTS, hostile

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
SHOW = """
import os, sys
from greenlane.report.terminal import show
from support.reports import VERDICTS, hostile
for name in sys.argv[1:]:
    print("=== " + name)
    show(VERDICTS[name] if name in VERDICTS else hostile(name), os.environ)
"""


class Screen(io.TextIOWrapper):
    """Standard output in memory that says whether it is a terminal, in an encoding of choice."""

    def __init__(self, encoding: str = "utf-8", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        """See `io.IOBase`."""
        return self._terminal

    @property
    def text(self) -> str:
        """What was printed."""
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined,no-any-return]


def on_terminal(*names: str) -> dict[str, str]:
    """Return what a terminal gets to see for each verdict, shown by one process at the other end of it."""
    ours, theirs = pty.openpty()
    tests = Path(__file__).parents[3]
    environ = {
        "PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": "200", "PYTHONPATH": str(tests),
        "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", SHOW, *names], env=environ, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    assert process.wait(30) == 0, seen.decode()
    parts = re.split(r"=== (\S+)\r\n", seen.decode())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="module")
def terminal() -> dict[str, str]:
    """Every verdict, as a terminal gets to see it."""
    return on_terminal(*VERDICTS, *HOSTILE)


@pytest.mark.parametrize("name", VERDICTS)
def test_a_terminal_gets_colours_and_the_same_words(terminal: dict[str, str], name: str) -> None:
    """Rich shows what plain shows: each check, each reason, and the word last, green only when it is ready."""
    verdict = VERDICTS[name]
    shown = ESCAPE.sub("", terminal[name])
    words = " ".join(shown.split())

    assert terminal[name] != shown
    assert shown.strip().splitlines()[-1].strip() == plain(verdict)[-1]
    assert all(check.name in words for check in verdict.checks)
    for line in plain(verdict)[len(verdict.checks) :]:
        assert " ".join(line.split()) in words
    last = terminal[name].strip().splitlines()[-1]
    assert last.startswith("\x1b[1;32m") is verdict.ready


@pytest.mark.parametrize("name", HOSTILE)
def test_a_terminal_is_not_steered_by_names(terminal: dict[str, str], name: str) -> None:
    """Markup is text, and no character of a name reaches the terminal as a command."""
    shown = ESCAPE.sub("", terminal[name]).replace("\r\n", "")

    assert all(character.isprintable() for character in shown)
    assert HOSTILE["markup"] in shown or name != "markup"


def screen(monkeypatch: pytest.MonkeyPatch, **fields: str | bool) -> Screen:
    """Make standard output a screen in memory."""
    made = Screen(**fields)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdout", made)
    return made


def test_a_pipe_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Greppable, without a single escape."""
    out = screen(monkeypatch)
    show(VERDICTS["failed"], {})

    assert out.text == "\n".join(plain(VERDICTS["failed"])) + "\n"
    assert "\x1b" not in out.text


def test_no_color_makes_a_terminal_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of https://no-color.org is respected."""
    out = screen(monkeypatch, terminal=True)
    show(VERDICTS["failed"], {"NO_COLOR": "1"})

    assert out.text == "\n".join(plain(VERDICTS["failed"])) + "\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_a_narrow_encoding_does_not_stop_the_verdict(
    monkeypatch: pytest.MonkeyPatch, encoding: str, terminal: bool
) -> None:
    """What the encoding lacks is written as an escape; the word is there."""
    out = screen(monkeypatch, encoding=encoding, terminal=terminal)
    show(hostile("unicode"), {})

    assert "NOT READY (policy dev)" in out.text
    assert "\\u2192" in out.text


def test_plain_lines_of_a_red_verdict() -> None:
    """The whole text, as users and scripts know it."""
    verdict = verdict_on(lane(failed("test_x[a|b]", cause="assert 1 == 2"), started_at=0.0, finished_at=1.25))

    assert plain(verdict) == [
        "FAIL  core  1 failed; 1.2 s",
        "VIOLATION: FAILED [core] tests/test_a.py::test_x[a|b]: assert 1 == 2",
        "CAUSE: tests/test_a.py::test_x[a|b] — assert 1 == 2",
        "  next: FAILED: Read the cause, then what the test printed.",
        "NOT READY (policy dev)",
    ]


def test_a_flood_of_violations_is_cut_and_counted() -> None:
    """As many are shown as there is room for, the rest is counted, and the word is still last."""
    lines = plain(verdict_on(lane(*(failed(f"test_{n}") for n in range(60)))))

    shown = sum(line.startswith("VIOLATION") for line in lines)
    assert f"… and {60 - shown} more causes in the reports" in lines
    assert (len(lines), lines[-1]) == (LINES, "NOT READY (policy dev)")
    assert "  next: FAILED: Read the cause, then what the test printed." in lines


def test_a_failure_tells_what_it_said_where_there_is_room() -> None:
    """The output of the test of the first cause, its middle left out, and no longer with a flood."""
    one = failed(cause="assert 1 == 2")
    text = "\n".join(f"line {n}" for n in range(100))
    cases = (
        JunitCase("tests.test_a", "test_bad", Outcome.FAILED, text),
        JunitCase("tests.test_a", "test_ok", Outcome.PASSED),
    )
    evidence = lane(outcome("test_ok"), one, junit=cases)
    lines = plain(verdict_on(evidence), [evidence])
    assert "  | line 0" in lines
    assert "  | line 99" in lines
    assert "  | line 50" not in lines
    assert len(lines) <= LINES


MANY = {
    "failures": [failed(f"test_{n}", cause=f"assert {n}", path="tests/test_a.py", line=n) for n in range(1500)],
    "skips": [skipped(f"test_{n}", reason=f"reason {n}") for n in range(1500)],
}
WARNED = [Violation(code=code, message=f"{code} {n}", gating=False) for code in Code for n in range(200)]


@pytest.mark.parametrize("kind", MANY)
def test_forty_lines_whatever_happened(kind: str) -> None:
    """Fifteen hundred causes in a hundred checks with as many warnings are not more than a screenful."""
    verdict = verdict_on(lane(*MANY[kind]), *(lane(lane=f"core-{n}") for n in range(100)))
    lines = plain(but(verdict, warnings=tuple(WARNED)))
    assert len(lines) <= LINES
    assert lines[0].startswith("FAIL  core ")
    assert "… and 90 more checks in the reports" in lines
    assert lines[-1] == "NOT READY (policy dev)"


def test_a_row_says_how_many_which_and_where() -> None:
    """Sixteen skips of one line are one row, with the number, the first three and the place."""
    tests = [skipped(f"test_{n:02}", reason="no tty", path="tests/test_termui.py", line=387) for n in range(16)]
    (row,) = [line for line in plain(verdict_on(lane(outcome("test_ok"), *tests))) if line.startswith("VIOLATION")]
    assert row == (
        "VIOLATION: SKIPPED [core] 16 tests: skipped: no tty at tests/test_termui.py:387 (tests/test_a.py::test_00,"
        " tests/test_a.py::test_01, tests/test_a.py::test_02 and 13 more)"
    )


def test_each_next_step_is_told_once() -> None:
    """Sixty failures have one next step."""
    many = [Violation(code=code, message=str(n)) for n in range(3) for code in (Code.FAILED, Code.DRIFT)]
    lines = plain(judge(demand("core"), [lane()], many))

    assert [line.split(":")[1].strip() for line in lines if line.startswith("  next: ")] == ["DRIFT", "FAILED"]
