"""Vectors and texts from a script, for dummy models and the echo shim (GATEWAY 7.7). No network, no key."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.core.errors import InvalidParameter
from mini_agent.dialects.completion import ZERO_USAGE
from mini_agent.upstreams.protocol import Batch, Capabilities, Plain
from mini_agent.upstreams.scripted import ScriptedClient, wants_usage
from mini_agent.upstreams.vectors import as_base64

_DIMENSIONS = 8
#: Of all vectors of an answer together; a caller can ask for any size of any number of texts.
_MOST_NUMBERS = 2**18


class ScriptedEmbeddings(Plain):
    """Gives each text a vector that only depends on it."""

    name = "scripted"
    capabilities = Capabilities(simulated=True)

    async def complete(self, request: ProviderRequest) -> bytes:
        """Returns: the vectors. Raises: InvalidParameter for more of them than a script gives."""
        body = request.body
        given = body["input"]
        several = isinstance(given, list) and not all(isinstance(item, int) for item in given)
        items = given if several else [given]
        size = int(body.get("dimensions") or _DIMENSIONS)
        if size * len(items) > _MOST_NUMBERS:
            text = f"A script gives {_MOST_NUMBERS} numbers at most, which is 'dimensions' times the texts"
            raise InvalidParameter(text, param="input")
        packed = body.get("encoding_format") == "base64"
        data = []
        for index, item in enumerate(items):
            vector = _vector(msgspec.json.encode(item), size)
            data.append({"object": "embedding", "index": index, "embedding": as_base64(vector) if packed else vector})
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        return msgspec.json.encode({"object": "list", "data": data, "model": request.target.model, "usage": usage})


def _vector(text: bytes, size: int) -> list[float]:
    stream = hashlib.shake_256(text).digest(size)
    return [byte / 127.5 - 1 for byte in stream]


class ScriptedTexts(ScriptedClient):
    """Goes on from every prompt with `reply(messages)`, the prompt as the user's message."""

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Returns: the text completion as a stream."""
        completion = self._completion(request)
        usage = completion.pop("usage")
        yield [msgspec.json.encode(completion)]
        if wants_usage(request.body):
            yield [msgspec.json.encode({**completion, "choices": [], "usage": usage})]
        yield [DONE]

    def _completion(self, request: ProviderRequest) -> dict[str, Any]:
        prompt = request.body["prompt"]
        said = prompt if isinstance(prompt, str) else ""
        text = self._reply([{"role": "user", "content": said}])
        echoed = said if request.body.get("echo") else ""
        return {
            "id": f"cmpl-{self._ids()}",
            "object": "text_completion",
            "created": int(self._clock.time()),
            "model": request.target.model,
            "choices": [{"index": 0, "text": f"{echoed}{text}", "logprobs": None, "finish_reason": "stop"}],
            "usage": ZERO_USAGE,
        }
