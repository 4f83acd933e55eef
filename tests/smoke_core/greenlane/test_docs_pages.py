"""The how-to pages are true: their files are written, their commands run, their output compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.pages import run_page
from support.reference import PAGES
from support.tiny import TinyProject

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize(("page", "lines"), [("first-lane.md", 12), ("live-provider.md", 6)])
def test_a_page_does_what_it_says(make_tiny: Callable[..., TinyProject], page: str, lines: int) -> None:
    """In an empty repository every block of the page has the effect that the page tells."""
    tiny = make_tiny()
    tiny.write("pyproject.toml", f'[tool.greenlane]\nenvironments = "{tiny.environments}"\n\n')
    if page == "first-lane.md":
        (tiny.path / "pyproject.toml").unlink()
    assert run_page(DOCS / page, tiny) == lines


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_made_from_the_code(page: str) -> None:
    """Each page is what `python tests/support/reference.py` makes of the code as it is."""
    assert (DOCS.parent / page).read_text(encoding="utf-8") == PAGES[page]()
