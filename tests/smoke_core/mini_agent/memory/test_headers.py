"""The headers of a provider request, as all model clients send them."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from mini_agent.core.chat import Caller, ModelTarget, ProviderRequest
from mini_agent.memory.headers import harmless_headers, is_memory_host, provider_headers, wire_user_id


def built(caller: Caller, **target: object) -> dict[str, str]:
    """Build the headers for a target with these fields."""
    chosen = ModelTarget(model="m", client="c", **target)  # type: ignore[arg-type]
    return provider_headers(ProviderRequest(target=chosen, body={}, caller=caller))


ADA = Caller(request_id="r1", user_id="ada", headers={"x-request-id": "r1", "x-trace": "t", "x-sm-user-id": "eve"})


def test_user_header_is_ours_and_other_headers_stay() -> None:
    """A client's own user header is replaced; what else goes along is preserved, configured headers winning."""
    headers = built(ADA, extra_headers={"X-Trace": "configured", "X-SM-User-ID": "mallory", "X-Team": "blue"})
    assert headers == {"x-request-id": "r1", "x-trace": "configured", "x-team": "blue", "x-sm-user-id": "ada"}


def test_memory_key_goes_to_memory_hosts_only() -> None:
    """The key is there exactly when the target has one, and an entry's own value stands."""
    assert "x-supermemory-api-key" not in built(ADA)
    assert built(ADA, memory_key="sm-1")["x-supermemory-api-key"] == "sm-1"
    own = built(ADA, memory_key="sm-1", extra_headers={"X-Supermemory-Api-Key": "sm-of-entry"})
    assert own["x-supermemory-api-key"] == "sm-of-entry"


def test_without_routing_there_is_no_user_header() -> None:
    """A caller without user gets none made up."""
    assert built(Caller(request_id="r1", headers={"x-request-id": "r1"})) == {"x-request-id": "r1"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://supermemory.ai/v1", True),
        ("https://API.Supermemory.AI:8443/v3/https://api.openai.com/v1", True),
        ("https://api.supermemory.ai./v1", True),
        ("https://memory.internal/v1", True),
        ("https://notsupermemory.ai/v1", False),
        ("https://supermemory.ai.evil.example/v1", False),
        ("https://evil.example/supermemory.ai/v1", False),
        ("https://evil.example/?u=api.supermemory.ai", False),
        ("https://supermemory.ai@evil.example/v1", False),
        ("https://[::1/v1", False),
        (None, False),
    ],
)
def test_memory_hosts_are_compared_as_hosts(address: str | None, expected: bool) -> None:
    """Equal or subdomain of an entry; never a part of the address's text."""
    assert is_memory_host(address, ["supermemory.ai", " Memory.Internal. ", ""]) is expected


def test_clients_pass_on_harmless_headers_only() -> None:
    """`x-*` goes on unless its name is sensitive, would change the configuration, or its value cannot be sent."""
    sent = {
        b"x-trace": b"t1",
        b"x-note": b"plain words",
        b"accept-language": b"de",
        b"x-api-key": b"sk-theirs",
        b"x-auth-user": b"u",
        b"x-api-base": b"http://evil.invalid",
        b"x-base-url": b"http://evil.invalid",
        b"x-extra-headers": b"{}",
        b"x-custom-llm-provider": b"anthropic",
        b"x-timeout": b"1",
        b"x-litellm-timeout": b"1",
        b"x-litellm-num-retries": b"9",
        b"x-name": "jürgen".encode(),
        b"x-odd": b"a\tb",
    }
    assert harmless_headers(sent) == {"x-trace": "t1", "x-note": "plain words"}


def test_user_ids_are_written_so_that_they_can_be_sent() -> None:
    """ASCII stays as it is; the rest is percent-encoded and decodes to itself."""
    assert wire_user_id("ada+50%@x.io") == "ada+50%@x.io"
    for user in ("jürgen%41", "日本", "a/ü"):
        assert wire_user_id(user).isascii()
        assert unquote(wire_user_id(user)) == user


def test_long_user_ids_are_cut_and_stay_apart() -> None:
    """A long id fits into any header line, and two that begin alike are still two."""
    first, second = wire_user_id("a" * 60_000), wire_user_id("a" * 59_999 + "b")
    assert len(first) == len(second) <= 512
    assert first != second
    assert wire_user_id("a" * 512) == "a" * 512
