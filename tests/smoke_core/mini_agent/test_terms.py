"""Names in the gateway are the field's: what an earlier version called otherwise does not come back."""

from __future__ import annotations

import ast
from pathlib import Path

import mini_agent

ROOT = Path(mini_agent.__file__).parent
#: Each had a meaning of its own, or two.
GONE = {"told", "tell_headers", "Talk", "Outside", "Wish", "wished", "Houses", "Custody", "note_headers", "noted"}


def names(tree: ast.AST) -> set[str]:
    """Returns: every name that the code defines or uses."""
    found: set[str] = set()
    for node in ast.walk(tree):
        for field in ("id", "name", "attr", "arg"):
            if isinstance(value := getattr(node, field, None), str):
                found.add(value)
    return found


def test_no_name_that_means_nothing_comes_back() -> None:
    """The table of terms in ARCHITECTURE holds for variables, fields, functions and classes."""
    back = {
        path.relative_to(ROOT).as_posix(): gone
        for path in ROOT.rglob("*.py")
        if (gone := GONE & names(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert back == {}
