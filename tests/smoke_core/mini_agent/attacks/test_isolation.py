"""Attacks between users, and on them: one wants what is another's, or a provider learns whose request it is."""

from __future__ import annotations

from typing import Any

import pytest

from mini_agent.core.errors import ConfigError
from support.gateway import Gateway, Stage
from support.upstream import answer

MASTER = "mk-of-clients-0123456789"
ADA = {"x-memory-user-id": "ada@example.com", "x-fine": "1"}


def telling(stage: Stage, to: Any, *, forward: bool = False, **params: Any) -> Gateway:
    """Returns: a gateway that tells these providers of the user, and passes the clients' headers on."""
    general = {"master_key": MASTER, "forward_user": to, "forward_client_headers_to_llm_api": True}
    general["memory_hosts"] = ["127.0.0.1"] if params.pop("memory_host", False) else []
    environ = {
        "MINI_AGENT_PROVIDER_MODE": "forward" if forward else "sdk",
        "MINI_AGENT_FORWARD_URL": stage.upstream.base.removesuffix("/v1"),
    }
    config = {"general_settings": general, "model_list": [stage.entry(**params)]}
    return stage.gateway(config, environ, headers={"authorization": f"Bearer {MASTER}", **ADA})


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/agent/run", "/v1/embeddings"])
def test_a_provider_wants_the_name_of_the_user(stage: Stage, path: str, forward: bool) -> None:
    """With `forward_user: memory` no header of any route names the user; the client's other headers go on."""
    if path == "/v1/embeddings" and not forward:
        path = "/chat/completions"
    stage.upstream.script(answer("hi"))
    telling(stage, "memory", forward=forward).post(
        path, {"model": "m1", "messages": [{"role": "user", "content": "x"}]}
    )
    (seen,) = stage.upstream.requests
    assert "ada" not in str(seen.headers)
    assert seen.header("x-fine") == "1"


@pytest.mark.parametrize(
    ("to", "more", "told"),
    [
        ("all", {}, True),
        ("memory", {}, False),
        ("memory", {"memory_host": True}, True),
        (["127.0.0.1"], {}, True),
        (["example.com"], {}, False),
        ([], {}, False),
        (["example.com"], {"forward": True}, False),
        (["127.0.0.1"], {"forward": True}, True),
    ],
)
def test_who_is_told_whose_request_it_is(stage: Stage, to: Any, more: dict[str, Any], told: bool) -> None:
    """All providers, those that are memory hosts, or those of a list: the rest sees requests without a user."""
    telling(stage, to, **more).chat()
    assert stage.upstream.requests[0].header("x-sm-user-id") == ("ada@example.com" if told else None)


def test_a_client_names_another_user_to_the_provider(stage: Stage) -> None:
    """The client's own `x-sm-user-id` is replaced where the provider is told, and gone where it is not."""
    for to, expected in (("all", "ada@example.com"), ("memory", None)):
        stage.upstream.forget()
        telling(stage, to).chat(headers={"x-sm-user-id": "eve"})
        assert stage.upstream.requests[0].header("x-sm-user-id") == expected


def test_an_unknown_word_is_a_configuration_error(stage: Stage) -> None:
    """A typing error must not tell everybody: it ends the start."""
    with pytest.raises(ConfigError, match="forward_user"):
        telling(stage, "memroy")
