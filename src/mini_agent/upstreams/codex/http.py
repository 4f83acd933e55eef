"""How codex agents are asked: by the gateway and by LiteLLM, over the HTTP stack of all providers (GATEWAY 7.5)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from yarl import URL

from mini_agent.core.ports import Clock
from mini_agent.net.connections import Connections
from mini_agent.net.retry import RETRIED_STATUSES, RETRY_AFTER_CAP_S
from mini_agent.settings import Settings
from mini_agent.upstreams.model_call import ModelCall, asked_choices
from mini_agent.upstreams.model_http import ModelHttp
from mini_agent.upstreams.protocol import decode_answer

DEFAULT_TIMEOUT_S = 30.0
_PREFIXES = ("codex-agent/", "codex_cli_agent/", "codex/")


def codex_url(base: str) -> URL:
    """Returns: the chat address under a base with or without trailing `/v1`."""
    return URL(base.rstrip("/").removesuffix("/v1").rstrip("/") + "/v1/chat/completions")


def strip_prefix(model: str) -> str:
    """Returns: the model's name without a codex prefix."""
    for prefix in _PREFIXES:
        if model.startswith(prefix):
            return model.removeprefix(prefix)
    return model


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter. base_ms, max_ms: milliseconds. seed: makes the jitter repeatable."""

    max_retries: int = 2
    base_ms: float = 120.0
    max_ms: float = 1500.0
    seed: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> RetryPolicy:
        """Returns: the policy of the `CODEX_AGENT_…` variables."""
        return cls(
            max_retries=settings.codex_max_retries,
            base_ms=settings.codex_retry_base_ms,
            max_ms=settings.codex_retry_max_ms,
            seed=settings.codex_retry_seed,
        )

    def retries(self, status: int) -> bool:
        """Returns: whether a refusal of this status is worth another attempt."""
        return status in RETRIED_STATUSES or status >= 500

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Returns: seconds before the next attempt; as `RetryRule` says."""
        dice = random.Random(self.seed)
        shares = [dice.uniform(0.5, 1.0) for _ in range(attempt + 1)]
        wait_s = min(self.max_ms, self.base_ms * 2.0**attempt) * shares[-1] / 1000
        return wait_s if retry_after_s is None else max(wait_s, min(retry_after_s, RETRY_AFTER_CAP_S))


def codex_call(
    base: str,
    body: Mapping[str, Any],
    *,
    stream: bool,
    policy: RetryPolicy,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    user_id: str | None = None,
) -> ModelCall:
    """Write a request.

    base: address of the agent. body: parameters with model and messages. api_key: added only if `headers`, which have
    any casing, hold no `Authorization`. timeout_s: of a plain answer, or of one silence in a stream; None for 30.
    user_id: whose cookies are used.
    """
    sent = {"content-type": "application/json", **{name.lower(): value for name, value in (headers or {}).items()}}
    if api_key:
        sent.setdefault("authorization", f"Bearer {api_key}")
    fields = {**body, "model": strip_prefix(str(body["model"])), "stream": stream}
    if not stream:
        del fields["stream"]
    seconds = timeout_s or DEFAULT_TIMEOUT_S
    return ModelCall(
        url=codex_url(base),
        body=msgspec.json.encode(fields),
        headers=sent,
        user_id=user_id,
        model=str(body["model"]),
        timeout_s=seconds,
        stream_timeout_s=seconds,
        max_retries=policy.max_retries,
        choices=asked_choices(body),
    )


class CodexHttp(ModelHttp):
    """Asks codex agents. connections: of the app."""

    def __init__(self, connections: Connections, clock: Clock, policy: RetryPolicy) -> None:
        # An agent acts. One that ends without a word may have done so already.
        super().__init__(connections, clock, policy, again=False)

    async def complete(self, call: ModelCall) -> bytes:
        """Ask once. Returns: the completion, null content as `""`. Raises: GatewayError."""
        answer = decode_answer(await super().complete(call))
        for choice in answer["choices"]:
            message = choice.get("message") if isinstance(choice, dict) else None
            if isinstance(message, dict) and message.get("content") is None:
                message["content"] = ""
        return msgspec.json.encode(answer)
