"""What of a lane's output is shown live: everything until pytest sums up, whose traces and lists the verdict tells."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from greenlane.supervisor.output import Output
from greenlane.supervisor.plan import OutputMode

LINES = """\
============================= test session starts ==============================
tests/test_a.py .F                                                        [100%]
\x1b[31m=================================== FAILURES ===================================\x1b[0m
_______________________________ test_bad _______________________________________
E   assert 1 == 2
=============================== warnings summary (final) =======================
tests/test_a.py: 3814 warnings
=========================== short test summary info ============================
FAILED tests/test_a.py::test_bad - assert 1 == 2
========================= 1 failed, 1 passed in 0.02s ==========================
"""


def shown(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], text: str, mode: OutputMode) -> list[str]:
    """Return what is printed of a lane's output; all of it must be in the copy."""
    log = tmp_path / "output.log"
    output = Output("core", log, {}, mode)
    output.follow(io.BytesIO(text.encode()))
    output.close()
    assert log.read_text() == text
    return [line.removeprefix("core | ") for line in capfdbinary.readouterr().out.decode().splitlines()]


def test_what_pytest_says_in_the_end_is_kept_and_not_shown(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Dots and counts are seen, traces, warnings and lists are not."""
    lines = shown(tmp_path, capfdbinary, LINES, OutputMode.LIVE)
    assert lines == [LINES.splitlines()[0], LINES.splitlines()[1], LINES.splitlines()[-1]]


def test_whoever_asked_for_one_test_sees_all(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A search that shows a chain of tests to a person hides nothing."""
    assert len(shown(tmp_path, capfdbinary, LINES, OutputMode.ALL)) == len(LINES.splitlines())


def test_a_crash_of_pytest_is_told_by_its_first_lines(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """An internal error of five hundred lines is three, and what is no part of it is there."""
    text = "".join(f"INTERNALERROR> line {n}\n" for n in range(500)) + "no tests ran in 0.01s\n"
    lines = shown(tmp_path, capfdbinary, text, OutputMode.LIVE)
    assert lines == [f"INTERNALERROR> line {n}" for n in range(3)] + ["no tests ran in 0.01s"]
