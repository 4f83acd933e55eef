"""TOML that is written reads as what it was written for, and inline tables can be added to."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.util.toml_text import array, outlined, table, value

TEXTS = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(VALUES, st.lists(TEXTS, min_size=1, max_size=3), st.dictionaries(TEXTS, VALUES, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(item: Any, path: list[str], content: dict[str, Any]) -> None:
    """Any value, and any table at any place, with a comment above."""
    assert tomllib.loads(f"a = {value(item)}\nb = {array([item], 0)}") == {"a": item, "b": [item]}
    read: Any = tomllib.loads(table(path, content, ["said"]))
    for name in path:
        read = read[name]
    assert read == content


LANE = 'kind = "deterministic"'
INLINE = {
    "lanes": f'[tool.greenlane]\nx = "x"\nlanes = {{ core = {{ {LANE}, tests = ["a"] }} }} # ours\n[tool.o]\nb = 1\n',
    "all of ours": f"[tool]\ngreenlane = {{ lanes = {{ core = {{ {LANE} }} }} }}\n",
    "top": f'tool = {{ greenlane = {{ lanes = {{ "a.b" = {{ {LANE} }} }} }}, o = {{ x = 1 }} }}\n[project]\n',
    "several lines": f'[tool.greenlane]\nlanes = {{ core = {{ {LANE}, tests = [\n  "a", # one\n  "{{",\n] }} }}\n',
    "dotted": f"tool.greenlane.lanes = {{ core = {{ {LANE} }} }}\n",
    "no line end": f"tool.greenlane.lanes = {{ core = {{ {LANE} }} }}",
}


@pytest.mark.parametrize("text", INLINE.values(), ids=INLINE.keys())
def test_an_inline_table_can_be_added_to(text: str) -> None:
    """It says the same as before, its old form stays as a comment, and a table more is TOML."""
    more = '\n[tool.greenlane.lanes.new]\nkind = "release"\n'
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(text + more)
    new = outlined(text, ("tool", "greenlane", "lanes"))
    assert tomllib.loads(new) == tomllib.loads(text)
    assert tomllib.loads(new + more)["tool"]["greenlane"]["lanes"]["new"] == {"kind": "release"}
    assert [line.removeprefix("# ") for line in text.splitlines()] <= [
        line.removeprefix("# ") for line in new.splitlines()
    ]


SAME = (
    "",
    "[tool.greenlane.lanes.core]\nkind = 1\n",
    "[tool.greenlane]\nlanes.core = { kind = 1 }\n",
    "[tool]\nx = {}\n",
)


@pytest.mark.parametrize("text", SAME)
def test_what_can_be_added_to_stays(text: str) -> None:
    """A text without an inline table there is not touched."""
    assert outlined(text, ("tool", "greenlane", "lanes")) == text
