"""The quick look for a pattern's plain text never hides a match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mini_agent.memory.detect import UserDetector
from mini_agent.memory.needle import required_texts
from mini_agent.settings.schema import UserIdMappings

PLAIN = st.sampled_from(["a", "b", "K", "s", "/", "-", " ", "ab", "aB", "]", "}", "{", "{x}", "\u00e9"])
SETS = st.sampled_from([".", r"\d", "[ab]", "[^a]", "[]a]", r"[\]b]", r"\b", "^", "$"])
GROUPS = st.sampled_from(["(ab)", "(a(b)c)", "(a|b)", "(?:ab)", "(?i:a)", "a|b", "|", "(?=a)", "(?#ab)", "(?!ab)"])
ESCAPES = st.sampled_from([r"\.", r"\\", r"\(", r"\-"])
ATOMS = PLAIN | SETS | GROUPS | ESCAPES
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0,1}", "{,2}", "*?", "+?"])
PATTERNS = st.lists(st.tuples(ATOMS, QUANTIFIERS).map("".join), max_size=6).map("".join)
TEXTS = st.text(alphabet="abkKsS/-. ()]{}x1\\\u00e9\u00c9\u212a\u017f", max_size=12)


@pytest.mark.parametrize(
    ("pattern", "needle"),
    [
        ("curl", "curl"),
        (r"PyCharm/(\d+)", "pycharm/"),
        ("^blue$", "blue"),
        ("colou?r", "colo"),
        ("ab+cde", "cde"),
        (r"a\.b", "a.b"),
        ("[abc]x{2}yz", "yz"),
        ("PyCharm|OpenAI Client/[0-9]", "pycharm,openai client/"),
        ("a|", "a,"),
        ("x(a|b)(?:c|d)y+", "x"),
        ("(?x) a b", ""),
        (r"\d\w", ""),
        ("", ""),
    ],
)
def test_plain_text_of_patterns(pattern: str, needle: str) -> None:
    """What counts, and what does not."""
    assert required_texts(pattern) == tuple(needle.split(","))


@settings(max_examples=400, deadline=None, database=None)
@given(PATTERNS, TEXTS)
def test_detection_finds_exactly_what_the_expression_finds(pattern: str, text: str) -> None:
    """For any pattern that compiles and any value: the same answer as the plain search."""
    try:
        expected = re.search(pattern, text, re.IGNORECASE) is not None
    except (re.error, OverflowError):
        return
    rules = [{"header": "x-a", "pattern": pattern, "user_id": "found"}]
    detector = UserDetector(UserIdMappings.model_validate({"header_patterns": rules}))
    assert (not detector.detect({b"x-a": text.encode()}).is_default) is expected
