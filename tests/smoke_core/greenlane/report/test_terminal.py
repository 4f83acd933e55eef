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

from greenlane.evidence.violation import Code, Violation
from greenlane.judge.judge import judge
from greenlane.report.terminal import plain, show
from support.evidence import demand, failed, lane, verdict_on
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
    """Fifty are shown, the rest is in the files, and the word is still last."""
    verdict = verdict_on(lane(*(failed(f"test_{n}") for n in range(60))))

    lines = plain(verdict)

    assert sum(line.startswith("VIOLATION") for line in lines) == 50
    assert "… and 10 more violations in the reports" in lines
    assert sum(line.startswith("CAUSE") for line in lines) == 50


def test_each_next_step_is_told_once() -> None:
    """Sixty failures have one next step."""
    many = [Violation(code=code, message=str(n)) for n in range(3) for code in (Code.FAILED, Code.DRIFT)]
    lines = plain(judge(demand("core"), [lane()], many))

    assert [line.split(":")[1].strip() for line in lines if line.startswith("  next: ")] == ["FAILED", "DRIFT"]
