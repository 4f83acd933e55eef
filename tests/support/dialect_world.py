"""Callers of every dialect, gateways of both modes, and a provider that speaks every dialect, all on real ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support.dialect_requests import REQUESTS
from support.dialect_scripts import DIALECTS, PATHS, Call, Script, Thought, Words
from support.gateway import Gateway, Stage
from support.http_client import Reply

MODES = ("sdk", "forward")
#: Where each dialect is asked for.
PATH = {dialect: path for path, dialect in PATHS.items()}
#: The group whose provider speaks a dialect.
GROUP = {"openai_chat": "by-chat", "anthropic_messages": "by-messages", "openai_responses": "by-responses"}
#: What an entry of the file says of each.
ENTRIES = {"openai_chat": "openai", "anthropic_messages": "anthropic", "openai_responses": "openai_responses"}
#: Answers that every caller gets from every provider, whole and streamed.
SCRIPTS = {
    "plain": Script((Words("Grüezi \U0001f600."),)),
    "thinking": Script((Thought("Let me see."), Words("42."))),
    "tools": Script(
        (Words("I look."), Call("call_1", "look", '{"city": "Bern"}'), Call("call_2", "look", '{"city": "Genf"}')),
        finish="tool_calls",
    ),
    "length": Script((Words("cut o"),), finish="length"),
}
#: Requests that every caller makes of every provider; they are in `dialect_requests`.
ASKED = [
    "system-parts",
    "image",
    "document",
    "choice-forced",
    "serial-tools",
    "results",
    "failed-result",
    "result-image",
    "structured",
    "limits",
]
#: What servers and newer clients have beside the protocols, or only in one of them.
STRANGE = {
    "prompt_cache_key": "k",
    "safety_identifier": "s-1",
    "top_k": 5,
    "min_p": 0.1,
    "guided_json": {"type": "object"},
    "chat_template_kwargs": {"enable_thinking": False},
}


def entries(stage: Stage, **params: Any) -> list[dict[str, Any]]:
    """Return a `model_list` with a group for each dialect, all of the stage's provider."""
    return [stage.entry(GROUP[dialect], f"{ENTRIES[dialect]}/up", **params) for dialect in DIALECTS]


class DialectWorld:
    """The world. provider: whoever answers, in both modes."""

    def __init__(self, stage: Stage) -> None:
        self.provider = stage.upstream
        root = self.provider.base.removesuffix("/v1")
        forward = {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": root}
        config = {"model_list": entries(stage)}
        self.gateways: dict[str, Gateway] = {
            "sdk": stage.gateway(config),
            "forward": stage.gateway(config, forward),
        }

    def ask(
        self,
        mode: str,
        caller: str,
        provider: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask as a caller of one dialect for a group of another. Return the answer; the provider's log is new."""
        self.provider.forget()
        return self.gateways[mode].post(PATH[caller], {**body, "model": GROUP[provider]}, headers)

    def plain(self, caller: str, **parameters: Any) -> dict[str, Any]:
        """Return the least that a caller can ask."""
        return {**REQUESTS["plain"](caller), **parameters}
