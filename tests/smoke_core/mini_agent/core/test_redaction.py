"""What redaction replaces, and what it leaves alone."""

from __future__ import annotations

import pytest

from mini_agent.core.redaction import REDACTED, Redactor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key s3cret-value here", f"key {REDACTED} here"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {REDACTED}"),
        ("bad key sk-abc123 given", f"bad key {REDACTED} given"),
        ("http://user:pw@host/x", f"http://{REDACTED}@host/x"),
        ("https://h/x?api_key=1&q=2", f"https://h/x?api_key={REDACTED}&q=2"),
        ("see data:image/png;base64,iVBORw0KGgo= there", "see data:image/png there"),
        ("a normal sentence about tokens and keys", "a normal sentence about tokens and keys"),
    ],
)
def test_text(text: str, expected: str) -> None:
    """Known secrets, bearer values, sk- keys, URL credentials and data URLs go; other words stay."""
    assert Redactor(["s3cret-value"]).text(text) == expected


def test_longer_secrets_leave_no_rest() -> None:
    """A secret that contains another is replaced as a whole."""
    assert Redactor(["abcd", "abcd-efgh"]).text("x abcd-efgh y") == f"x {REDACTED} y"


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "cookie", "X-Auth", "my-token", "client-secret", "x-session-id", "password"]
)
def test_sensitive_headers(name: str) -> None:
    """Any header whose name holds one of the words is redacted."""
    assert Redactor().headers({name: "value", "accept": "text"}) == {name: REDACTED, "accept": "text"}


def test_json_fields_at_any_depth() -> None:
    """Sensitive fields are redacted at any depth, strings are cleaned, numbers and shapes stay."""
    value = {"a": [{"x_api_key": "v", "access_token": "w", "n": 1}], "max_tokens": 5, "t": "Bearer zzz", "none": None}
    expected = {
        "a": [{"x_api_key": REDACTED, "access_token": REDACTED, "n": 1}],
        "max_tokens": 5,
        "t": f"Bearer {REDACTED}",
        "none": None,
    }
    assert Redactor().json(value) == expected
