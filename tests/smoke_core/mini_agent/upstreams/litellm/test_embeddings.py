"""Embeddings through LiteLLM's package: the form of the vectors, whatever the provider gave."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from mini_agent.core.chat import Caller, ModelTarget, ProviderRequest
from mini_agent.core.errors import InvalidProviderResponse
from mini_agent.core.ports import SYSTEM_CLOCK
from mini_agent.upstreams.litellm.embeddings import SdkEmbeddings
from mini_agent.upstreams.litellm.loader import LiteLLMLoader
from mini_agent.upstreams.litellm.sdk import LiteLLMClient

NUMBERS, PACKED = [0.5, -1.0], "AAAAPwAAgL8="


class Package(LiteLLMLoader):
    """Stands for the package, whose embeddings are these. vectors: of the answer."""

    def __init__(self, *vectors: Any) -> None:
        super().__init__()
        self._vectors = vectors
        self.asked: dict[str, Any] = {}

    async def __call__(self) -> Any:
        """Returns: the module."""
        return SimpleNamespace(aembedding=self.embed)

    async def embed(self, **arguments: Any) -> dict[str, Any]:
        """Returns: the vectors."""
        self.asked = arguments
        data = [{"object": "embedding", "index": at, "embedding": item} for at, item in enumerate(self._vectors)]
        return {"object": "list", "model": "up", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def embedded(package: Package, **body: Any) -> Any:
    """Returns: what a caller gets."""
    target = ModelTarget(model="m1", client="litellm_sdk", provider="cohere", name="up", api_key="k")
    request = ProviderRequest(target=target, body={"input": "x", **body}, caller=Caller(request_id="r"))
    client = SdkEmbeddings(LiteLLMClient(SYSTEM_CLOCK, loader=package, function="aembedding"))
    return json.loads(asyncio.run(client.complete(request)))["data"]


@pytest.mark.parametrize("given", [NUMBERS, PACKED], ids=["numbers", "packed"])
@pytest.mark.parametrize(("form", "wanted"), [("float", NUMBERS), ("base64", PACKED), (None, NUMBERS)])
def test_vectors_have_the_form_that_was_asked_for(given: Any, form: str | None, wanted: Any) -> None:
    """Numbers or packed; the package is not told, as not every provider knows both."""
    package = Package(given)
    (item,) = embedded(package, encoding_format=form, dimensions=2)
    assert item["embedding"] == wanted
    assert (package.asked["input"], package.asked["dimensions"], "encoding_format" in package.asked) == ("x", 2, False)
    assert "stream" not in package.asked


@pytest.mark.parametrize("given", [None, "no base64", "AAA=", ["x"], 7])
def test_a_vector_that_is_none_is_an_error(given: Any) -> None:
    """Nobody gets something else than vectors for an answer."""
    with pytest.raises(InvalidProviderResponse):
        embedded(Package(given), encoding_format="base64" if isinstance(given, list) else "float")
