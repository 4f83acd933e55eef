"""Embeddings of providers that are not OpenAI-compatible, through LiteLLM's SDK."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.upstreams.litellm.sdk import LiteLLMClient, to_plain
from mini_agent.upstreams.protocol import Around
from mini_agent.upstreams.vectors import as_base64, as_numbers

_FORMAT = "encoding_format"


class SdkEmbeddings(Around):
    """Asks for vectors. Their form on the wire is made here: not every provider knows both. sdk: calls `aembedding`."""

    def __init__(self, sdk: LiteLLMClient) -> None:
        super().__init__(sdk)
        self._sdk = sdk

    async def complete(self, request: ProviderRequest) -> bytes:
        """Ask once. Returns: the list of vectors as JSON. Raises: GatewayError."""
        body = {name: value for name, value in request.body.items() if name != _FORMAT}
        answer = to_plain(await self._sdk.ask(replace(request, body=body)))
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise InvalidProviderResponse("the provider's answer is not a list of embeddings")
        packed = request.body.get(_FORMAT) == "base64"
        vectors = [{**item, "embedding": _form(item.get("embedding"), packed=packed)} for item in data]
        return msgspec.json.encode({**answer, "object": "list", "data": vectors})


def _form(vector: Any, *, packed: bool) -> Any:
    """Returns: a vector in the form that was asked for. Raises: InvalidProviderResponse."""
    try:
        if isinstance(vector, str):
            return vector if packed else as_numbers(vector)
        return as_base64(vector) if packed else list(vector)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidProviderResponse("the provider sent a vector that is none") from error
