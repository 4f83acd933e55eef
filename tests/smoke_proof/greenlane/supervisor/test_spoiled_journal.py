"""A lane that spoils its journal does not outlive its deadline."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.processes import ended, read_pids
from support.tiny import CORE, TinyProject

HANGS = """
import os, pathlib, time
import pytest

JOURNAL = pathlib.Path(".artifacts/core/journal.jsonl").absolute()

@pytest.mark.timeout(0)
def test_hangs():
    pathlib.Path({pids!r}).write_text(str(os.getpid()))
    {spoil}
    time.sleep(600)
"""


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("JOURNAL.open('ab').write(b'\\xff\\n')", id="a-byte-that-is-no-text"),
        pytest.param("JOURNAL.open('ab').write(b'{\"x\":' + b'[' * 100_000)", id="nested-without-end"),
        pytest.param("JOURNAL.unlink(); os.mkfifo(JOURNAL)", id="a-pipe-that-nobody-writes"),
        pytest.param("JOURNAL.unlink(); JOURNAL.mkdir()", id="a-folder"),
        pytest.param("JOURNAL.unlink(); JOURNAL.symlink_to('/dev/zero')", id="a-device-without-end"),
    ],
)
def test_the_lane_is_stopped_and_told_late(make_tiny: Callable[..., TinyProject], spoil: str) -> None:
    """Whatever has become of the journal, the deadline holds, no process is left, and the verdict says both."""
    tiny = make_tiny().lanes(core={**CORE, "budget": 1.5})
    pids = tiny.path.parent / "pids"
    tiny.test(HANGS.format(pids=str(pids), spoil=spoil))

    ran = tiny.greenlane("lane", "core")

    assert all(ended(pid) for pid in read_pids(pids))
    assert ran.code == 1, ran.output
    assert {"TIMED_OUT", "TRUNCATED"} <= ran.codes, ran.output
