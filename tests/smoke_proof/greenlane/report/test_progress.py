"""What people see while lanes run."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from fcntl import ioctl

import pytest
from rich.console import Console

from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.progress import Progress
from greenlane.report.live import LiveDisplay
from greenlane.report.progress import Observing, Plain, screen, state
from support.tiny import TinyProject

TESTS = """
import pytest

@pytest.mark.parametrize("n", range(40))
def test_ok(n):
    pass

def test_bad():
    assert 1 == 2, "[bold]no[/bold] \\x1b[2J"
"""
ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def on_terminal(tiny: TinyProject, *words: str, stop_at: bytes = b"", **extra: str) -> tuple[int, str]:
    """Run `greenlane WORDS…` at the end of a terminal of 120 columns; return exit code and what it got.

    Args:
        stop_at: what must be seen before it is interrupted; empty for never.
    """
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environ = tiny.environment(TERM="xterm-256color", PYTHONUTF8="1", **extra)
    process = subprocess.Popen(
        tiny.command(*words), cwd=tiny.path, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
            if stop_at and stop_at in seen:
                process.send_signal(signal.SIGINT)
                stop_at = b""
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    return process.wait(30), seen.decode("utf-8", "replace")


@pytest.fixture
def red(make_tiny: Callable[..., TinyProject]) -> TinyProject:
    """A project with a failure."""
    return make_tiny().lanes().test(TESTS)


def test_a_terminal_shows_lanes_moving_and_one_verdict_at_the_end(red: TinyProject) -> None:
    """Output scrolls above, prefixed; the failure is told at once; the moving part is gone before the verdict."""
    code, seen = on_terminal(red, "ready")

    shown = ESCAPE.sub("", seen)
    assert code == 1
    assert "\x1b[?25l" in seen
    assert seen.rindex("\x1b[?25h") < seen.index("NOT READY (policy dev)")
    assert "collecting" in shown or "/41" in shown
    # A line of output may follow the moving part that it takes the place of.
    assert re.search(r"(?:^|\r)core \| .*1 failed, 40 passed", shown, re.MULTILINE)
    told = [line for line in shown.splitlines() if line.startswith("core: FAILED tests/test_it.py::test_bad — ")]
    assert len(told) == 1
    assert "[bold]no[/bold]" in told[0]
    assert "\x1b[2J" not in seen
    assert len(re.findall(r"^FAIL  core ", shown, re.MULTILINE)) == 1
    assert shown.strip().splitlines()[-1].strip() == "NOT READY (policy dev)"


@pytest.mark.parametrize("variable", ["NO_COLOR", "CI"])
def test_a_terminal_that_wants_it_plain_gets_lines(red: TinyProject, variable: str) -> None:
    """No picture, no cursor that moves; failures all the same."""
    code, seen = on_terminal(red, "lane", "core", **{variable: "1"})

    assert code == 1
    assert "\x1b[?25l" not in seen
    assert "core: FAILED tests/test_it.py::test_bad — " in ESCAPE.sub("", seen)


def test_a_pipe_gets_lines_that_can_be_searched(red: TinyProject) -> None:
    """One line for the failure, when it happens: before the lane has ended."""
    ran = red.greenlane("ready")

    lines = ran.output.splitlines()
    (told,) = [number for number, line in enumerate(lines) if line.startswith("core: FAILED ")]
    assert "\x1b" not in ran.output
    assert told < lines.index("NOT READY (policy dev)")


def test_a_terminal_is_given_back_when_a_run_is_refused(make_tiny: Callable[..., TinyProject]) -> None:
    """A wrong setting is found before anything moves, and the cursor is there."""
    tiny = make_tiny().lanes().section("address", {"variable": "BASE"})
    code, seen = on_terminal(tiny, "ready", BASE="no address")

    assert code == 2
    assert "CONFIG_ERROR" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h")


def test_a_terminal_is_given_back_when_a_run_is_interrupted(make_tiny: Callable[..., TinyProject]) -> None:
    """Ctrl-C while the picture shows what is left by history: the cursor is back, the verdict told, exit code 130."""
    tiny = make_tiny().lanes().test("import time\n\ndef test_long():\n    time.sleep(60)\n")
    recorded = {"schema": 1, "lanes": {"core": {"tests/test_it.py::test_long": 42.0}}}
    tiny.write(".greenlane/durations.json", json.dumps(recorded))
    code, seen = on_terminal(tiny, "ready", stop_at=b"42 s left")

    assert code == 130
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")
    assert "INTERRUPTED" in seen
    assert ESCAPE.sub("", seen).strip().splitlines()[-1].strip() == "NOT READY (policy dev)"


def test_plain_progress_is_told_now_and_then() -> None:
    """Not before five seconds, not when nothing has changed, with failures and the time that is left."""
    clock, lines = Clock(), list[str]()
    plain = Plain(lines.append, clock)
    plain.began("nd/shard_a")
    for now, done in ((101.0, 3), (105.5, 10), (107.0, 11), (111.0, 10), (117.0, 12)):
        clock.now = now
        plain.progress(Progress(label="nd/shard_a", selected=20, done=done, bad=1, left=100.4))

    assert lines == [
        "nd/shard_a: 50 % (10 of 20), 1 failed, about 2 min left",
        "nd/shard_a: 60 % (12 of 20), 1 failed, about 2 min left",
    ]


def test_a_suite_that_is_only_looked_at_tells_how_far_it_is() -> None:
    """Half a minute apart, and no failure as it happens: what they mean is told in the end."""
    clock, lines = Clock(), list[str]()
    observing = Observing(lines.append, clock, step=30.0)
    observing.began("survey-1")
    observing.failed("survey-1", TestOutcome(nodeid="t::a", outcome=Outcome.FAILED, cause="x"))
    for now, done in ((129.0, 3), (131.0, 10), (150.0, 12)):
        clock.now = now
        observing.progress(Progress(label="survey-1", selected=20, done=done, bad=1, left=100.4))

    assert lines == ["survey-1: 50 % (10 of 20), 1 failed, about 2 min left"]


def test_plain_failures_are_told_at_once() -> None:
    """With lane, outcome, test and the first line of why, whatever characters are in them."""
    lines = list[str]()
    Plain(lines.append).failed("core", TestOutcome(nodeid="t\n::a", outcome=Outcome.ERROR, cause="x\x1b[2J"))

    assert lines == ["core: ERROR t\N{REPLACEMENT CHARACTER}::a — x\N{REPLACEMENT CHARACTER}[2J"]


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (Progress(label="x", selected=4, done=4, left=0.0), "100 % (4 of 4)"),
        (Progress(label="x", selected=3, done=1), "33 % (1 of 3)"),
        (Progress(label="x", selected=3, done=1, left=7.6), "33 % (1 of 3), about 8 s left"),
    ],
)
def test_progress_in_words(told: Progress, text: str) -> None:
    """Share, counts, and the rest as far as it is known."""
    assert state(told) == text


def test_the_moving_screen_has_a_row_for_each_lane() -> None:
    """Bar and counts while it runs, what it came to when it is over; lines and failures are printed above."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    display = LiveDisplay(console)
    display.began("core")
    display.progress(Progress(label="core", selected=40, done=40, elapsed=3.25))
    display.ended(Progress(label="core", selected=40, done=40, bad=1, elapsed=3.25))
    display.began("nd/[bold]")
    display.line(b"nd | said \xff\n")
    display.failed("nd", TestOutcome(nodeid="t::a", outcome=Outcome.FAILED, cause="[red]no"))
    display.progress(Progress(label="nd/[bold]", selected=20, done=5, bad=1, left=95.0))
    console.print(display.picture())

    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert re.search(r"^core +done +40 tests 1 failed 3\.2 s", told, re.MULTILINE)
    assert re.search(r"^nd/\[bold\] .*5/20 1 failed 2 min left", told, re.MULTILINE)
    assert "nd | said \N{REPLACEMENT CHARACTER}\nnd: FAILED t::a — [red]no\n" in told


def test_the_screen_is_chosen_by_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moving one for a terminal, plain lines for a pipe."""
    with screen({}) as listener:
        assert isinstance(listener, Plain)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with screen({"TERM": "xterm"}) as listener:
        assert isinstance(listener, LiveDisplay)
    with screen({"TERM": "dumb"}) as listener:
        assert isinstance(listener, Plain)
