"""Names in the gateway are the field's: what an earlier version called otherwise does not come back."""

from __future__ import annotations

import ast

from support.house import mentioning

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
    trees = mentioning("mini_agent", rf"\b({'|'.join(GONE)})\b")
    back = {name: gone for name, tree in trees if (gone := GONE & names(tree))}
    assert back == {}
