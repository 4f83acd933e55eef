"""Vectors and texts from a script, for dummy models and the echo shim (GATEWAY 7.7). No network, no key."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import msgspec

from mini_agent.core.chat import DONE, ProviderRequest
from mini_agent.core.errors import InvalidParameter
from mini_agent.core.ports import Clock
from mini_agent.dialects.completion import ZERO_USAGE
from mini_agent.upstreams.protocol import Batch, Capabilities, Plain
from mini_agent.upstreams.scripted import dummy_reply, wants_usage
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


class ScriptedTexts:
    """Goes on from every prompt with `reply(messages)`, the prompt as the user's message."""

    name = "scripted"
    capabilities = Capabilities(simulated=True)

    def __init__(
        self,
        clock: Clock,
        ids: Callable[[], str],
        reply: Callable[[Sequence[Mapping[str, Any]]], str] = dummy_reply,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._reply = reply

    async def complete(self, request: ProviderRequest) -> bytes:
        """Returns: the text completion."""
        return msgspec.json.encode({**self._head(request), "choices": [self._choice(request)], "usage": ZERO_USAGE})

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Batch, None]:
        """Returns: the same as a stream."""
        head = self._head(request)
        yield [msgspec.json.encode({**head, "choices": [self._choice(request)]})]
        if wants_usage(request.body):
            yield [msgspec.json.encode({**head, "choices": [], "usage": ZERO_USAGE})]
        yield [DONE]

    async def aclose(self) -> None:
        """Nothing to free."""

    def _head(self, request: ProviderRequest) -> dict[str, Any]:
        name, created = f"cmpl-{self._ids()}", int(self._clock.time())
        return {"id": name, "object": "text_completion", "created": created, "model": request.target.model}

    def _choice(self, request: ProviderRequest) -> dict[str, Any]:
        prompt = request.body["prompt"]
        said = prompt if isinstance(prompt, str) else ""
        text = self._reply([{"role": "user", "content": said}])
        echoed = said if request.body.get("echo") else ""
        return {"index": 0, "text": f"{echoed}{text}", "logprobs": None, "finish_reason": "stop"}
