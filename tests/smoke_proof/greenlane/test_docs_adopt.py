"""The page about adopting a suite is true: its files are written, its commands run, its output compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.pages import run_page
from support.tiny import TinyProject

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adopt.md"


def test_a_suite_becomes_ready_in_two_commands(make_tiny: Callable[..., TinyProject]) -> None:
    """From the files of the page to READY, and a survey that has nothing to propose."""
    assert run_page(PAGE, make_tiny()) == 14
