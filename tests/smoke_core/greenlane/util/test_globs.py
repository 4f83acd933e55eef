"""Patterns of paths."""

from __future__ import annotations

import pytest

from greenlane.util.globs import matches


@pytest.mark.parametrize(
    ("path", "patterns", "meant"),
    [
        ("src/a.py", ("src/**",), True),
        ("src/deep/a.py", ("src/*",), False),
        ("src/deep/a.py", ("docs/**", "src/**/a.py"), True),
        ("src/a.py", ("src/**/a.py",), True),
        ("a.py", ("?.py", "b"), True),
        ("a.py.old", ("a", "a.py"), False),
        ("a|b", ("a|b",), True),
        ("a", ("a|b",), False),
        ("a\nb", ("a*",), True),
        ("a", (), False),
        ("", (), False),
    ],
)
def test_a_path_is_meant_by_any_of_its_patterns(path: str, patterns: tuple[str, ...], meant: bool) -> None:
    """The whole of it by one of them; nothing but `*` and `?` is special, and no pattern means nothing."""
    assert matches(path, patterns) is meant
