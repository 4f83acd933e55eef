"""What a lane prints reaches the terminal, and steers nothing there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from greenlane.supervisor.output import LONGEST, harmless
from support.tiny import TinyProject


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"plain \xc3\xa9 \xe2\x82\xac\ttab", b"plain \xc3\xa9 \xe2\x82\xac\ttab"),
        (b"\x1b[31mred\x1b[0m", b"\x1b[31mred\x1b[0m"),
        (b"\x1b[1;31mred", b"\x1b[1;31mred\x1b[0m"),
        (b"up \x1b[2A over", "up �[2A over".encode()),
        (b"\x1b[2J\x1b[H", "�[2J�[H".encode()),
        (b"\x1b]0;title\x07", "�]0;title�".encode()),
        (b"c1 \xc2\x9b2J", "c1 �2J".encode()),
        (b"back\x08\x08 nul\x00", "back�� nul�".encode()),
        (b"\xff\xfe", b"\xff\xfe"),
    ],
)
def test_a_line_may_have_colours_and_nothing_else(said: bytes, shown: bytes) -> None:
    """A colour ends with its line; cursor, screen, title and C1 sequences are shown, not obeyed."""
    assert harmless(said) == shown


def test_a_line_without_end_is_cut() -> None:
    """The log has all of it."""
    shown = harmless(b"x" * (LONGEST + 500))

    assert len(shown) < LONGEST + 100
    assert shown.endswith("… 500 more bytes in the log".encode())


def test_a_test_cannot_write_over_the_verdict(make_tiny: Callable[..., TinyProject]) -> None:
    """A lane that moves the cursor and clears the screen is told as it is; its log keeps what it printed."""
    tiny = make_tiny().lanes()
    evil = r"\x1b[2J\x1b[1A\rREADY (policy dev)\x1b]0;x\x07"
    tiny.test(f"def test_bad():\n    print('{evil}')\n    assert False\n")

    ran = tiny.greenlane("lane", "core")

    # The reset after a colour is the only escape that anything may print.
    assert set(re.findall("\x1b[^\n]{0,3}", ran.output)) <= {"\x1b[0m"}
    assert not [line for line in re.split("[\r\n]+", ran.output) if line.startswith("READY")]
    assert b"\x1b[2J" in (tiny.path / ".artifacts/core/output.log").read_bytes()
