"""Compiled files of a project, from one run of its lane to the next."""

from __future__ import annotations

import os

from support.tiny import TinyProject

MUCH = "# what a lane compiles for long\n" * 20_000


def compiled(tiny: TinyProject) -> dict[str, int]:
    """Return which compiled files are there."""
    files = (tiny.path / "tests" / "__pycache__").glob("*.pyc")
    return {file.name.partition(".")[0]: file.stat().st_ino for file in files}


def test_many_stay_while_they_are_true(tiny: TinyProject) -> None:
    """What a lane has compiled, of test modules and of helpers, is its next run's; not that of a file that differs."""
    tiny.test(f"import helper\n\n\ndef test_one():\n    assert helper.ANSWER == 42\n{MUCH}")
    tiny.write("tests/helper.py", f"ANSWER = 42\n{MUCH}")
    runs = []
    for _ in range(3):
        ran = tiny.greenlane("lane", "core")
        assert ran.code == 0, ran.output
        runs.append(compiled(tiny))
    first, second, third = runs
    assert set(first) == {"test_it", "helper"}
    # The second run looked at what the first had left, and put its own in its place; the third took that.
    assert second.keys() == first.keys()
    assert not second.items() & first.items()
    assert third == second
    helper = tiny.path / "tests" / "helper.py"
    times = helper.stat()
    helper.write_text(helper.read_text().replace("42", "43"))
    os.utime(helper, ns=(times.st_atime_ns, times.st_mtime_ns))
    ran = tiny.greenlane("lane", "core")
    assert "FAILED" in ran.codes, ran.output
    assert compiled(tiny)["test_it"] == third["test_it"]
