"""Which user a request belongs to: the rules of 8.1, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from mini_agent.core.errors import InvalidParameter
from mini_agent.memory.detect import SEARCHED_CHARACTERS, Detection, PatternMatch, UserDetector
from mini_agent.settings.schema import UserIdMappings

PATTERNS = [
    {"header": "User-Agent", "pattern": r"pycharm/(\d+)", "user_id": "pycharm"},
    {"header": "x-team", "pattern": "^blue$", "user_id": "blue"},
    {"header": "user-agent", "pattern": "curl|pycharm", "user_id": "tools"},
]


def detect(headers: dict[str, str | bytes], **mappings: Any) -> Detection:
    """Detect with the patterns of this file unless told otherwise."""
    detector = UserDetector(UserIdMappings.model_validate({"header_patterns": PATTERNS, **mappings}))
    raw = {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in headers.items()}
    found = detector.detect(raw)
    assert detector.detect(raw) == found, "asked again, the same request has another user"
    return found


def test_custom_header_wins_over_every_pattern() -> None:
    """The custom header decides, trimmed, and no pattern is reported beside it."""
    found = detect({"x-memory-user-id": "  ada ", "user-agent": "PyCharm/2026"})
    assert found == Detection(user_id="ada", custom_header_present=True)
    assert (found.matched, found.is_default) == (None, False)


@pytest.mark.parametrize("blank", ["", "   ", "\t"])
def test_blank_custom_header_counts_as_absent(blank: str) -> None:
    """A blank value leaves the decision to the patterns."""
    found = detect({"x-memory-user-id": blank, "x-team": "BLUE"})
    assert (found.user_id, found.custom_header_present) == ("blue", False)


@pytest.mark.parametrize(
    "value", [b"a b", b"a\tb", b"a\x7fb", b"a\x01b", "a\u00a0b".encode(), "a\u200bb".encode(), b"a\x85b"]
)
def test_whitespace_and_control_characters_are_refused(value: bytes) -> None:
    """An id that could not stand in a header line is refused by the header's name, and its value is not repeated."""
    with pytest.raises(InvalidParameter) as refused:
        detect({"x-who": value}, custom_header="X-Who")
    assert refused.value.param == "x-who"
    assert "a" not in refused.value.message.partition("must not")[0].replace("Header 'x-who'", "")


def test_patterns_apply_in_configured_order_whatever_the_casing() -> None:
    """The first pattern of the list that matches wins, not the first header of the request."""
    found = detect({"x-team": "Blue", "user-agent": "Something PYCHARM/42 (curl)"})
    assert found.user_id == "pycharm"
    assert found.matched == PatternMatch(
        header="user-agent", value="Something PYCHARM/42 (curl)", pattern=r"pycharm/(\d+)", user_id="pycharm"
    )
    assert detect({"x-team": "Blue", "user-agent": "curl/8"}).user_id == "blue"
    assert detect({"user-agent": "curl/8"}).user_id == "tools"


def test_nothing_known_is_the_default_user() -> None:
    """Without header and match the configured default applies, and says so."""
    found = detect({"x-team": "reddish-blue"}, default_user_id="guest")
    assert (found.user_id, found.is_default, found.matched) == ("guest", True, None)


def test_detection_works_without_configuration() -> None:
    """The defaults know the custom header and one user."""
    detector = UserDetector(UserIdMappings())
    assert detector.detect({}).user_id == "default-dev"
    assert detector.detect({b"x-memory-user-id": b"ada"}).user_id == "ada"


def test_ids_of_any_script_are_read_as_utf8_else_as_latin1() -> None:
    """Non-ASCII ids are ids: in UTF-8, and in the bytes that older clients send."""
    assert detect({"x-memory-user-id": "jürgen-日本"}).user_id == "jürgen-日本"
    assert detect({"x-memory-user-id": b"j\xfcrgen"}).user_id == "jürgen"
    assert detect({"user-agent": b"\xff\xfe curl"}).user_id == "tools"


def test_very_long_values_are_neither_refused_nor_searched_to_their_end() -> None:
    """A long id stays whole; a pattern sees the beginning of a long header only, so that its time is bounded."""
    assert detect({"x-memory-user-id": "a" * 60_000}).user_id == "a" * 60_000
    assert detect({"user-agent": "x" * SEARCHED_CHARACTERS + "curl"}).is_default
    assert detect({"user-agent": "x" * (SEARCHED_CHARACTERS - 4) + "curl"}).user_id == "tools"


def test_a_hostile_value_cannot_make_a_pattern_run_for_long() -> None:
    """An expression that backtracks is harmless on a header of the size that servers take."""
    slow = [{"header": "user-agent", "pattern": "a.*b.*c", "user_id": "slow"}]
    assert detect({"user-agent": "ab" * 30_000}, header_patterns=slow).is_default
