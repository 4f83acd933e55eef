"""Merging the headers of the HTTP tool protocol."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_agent.core.errors import InvalidParameter
from mini_agent.tools.http_headers import merge_headers, parse_default_headers
from support.agent_runs import PROPERTY

_names = st.sampled_from(["X-Env", "x-env", "X-ENV", "Authorization", "authorization", "X-Req", "x-other"])


@PROPERTY
@given(st.dictionaries(_names, st.just("env")), st.dictionaries(_names, st.just("req")))
def test_request_headers_win_in_any_casing(defaults: dict[str, str], request: dict[str, str]) -> None:
    """Each name goes out once: as the request spells it if it has it, else in lower case with the default's value."""
    merged = merge_headers(defaults, request)
    lowered = [name.lower() for name in merged]
    assert len(lowered) == len(set(lowered))
    assert set(lowered) == {name.lower() for name in (*defaults, *request)}
    for name, value in merged.items():
        wanted = "req" if name.lower() in {one.lower() for one in request} else "env"
        assert value == wanted
        assert name in request if wanted == "req" else name == name.lower()


def test_defaults_are_read_in_lower_case() -> None:
    """The environment's names are lowered, its values are kept."""
    assert parse_default_headers('{"X-Env": "A b"}') == {"x-env": "A b"}
    assert parse_default_headers("") == parse_default_headers("  ") == {}


@pytest.mark.parametrize(
    "text",
    [
        "nope secret",
        '["secret"]',
        '"secret"',
        '{"X": 1}',
        '{"X": "secret\\r\\nY: 1"}',
        '{"bad secret": "v"}',
        '{"Content-Length": "5"}',
        '{"X": null}',
    ],
)
def test_malformed_defaults_are_logged_once_and_ignored(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Text that is no object of sendable headers is ignored with one warning that quotes no value."""
    with caplog.at_level(logging.WARNING):
        assert parse_default_headers(text) == {}
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nInjected: 1"},
        {"X": "a\n"},
        {"X": "\x00"},
        {"X\r\nY": "a"},
        {"": "a"},
        {"a b": "c"},
        {"X": 1},
        {"X": None},
        {"content-length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"X": "€"},
    ],
)
def test_hostile_request_headers_are_refused(headers: dict[str, object]) -> None:
    """A header that could not be sent, or would frame the request, is the client's error and names the field."""
    with pytest.raises(InvalidParameter) as caught:
        merge_headers({}, headers)
    assert caught.value.param == "tool_http_headers"
    assert "Injected" not in caught.value.message
