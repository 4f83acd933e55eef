"""Embeddings."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import equal, filled, member, need
from greenlane.ext.probe.pack.sources import EMBEDDINGS as SOURCE
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, Dialect, Finding, check

OWN = (Dialect.EMBEDDINGS,)

_SEARCH = "search finds the wrong texts: LangChain, LlamaIndex, every vector store"


def _embedded(case: Case, given: Any, **more: Any) -> dict[str, Any]:
    reply = case.post({"model": case.model, "input": given, **more})
    if reply.status != 200:
        raise Finding(f"status {reply.status}, not 200: {case.wire.hide(reply.text)[:200]}")
    body: dict[str, Any] = reply.json()
    usage = body.get("usage") or {}
    case.wire.budget.cost(usage.get("total_tokens") or len(str(given)) // 4)
    return body


def _vectors(case: Case, given: Any, **more: Any) -> list[list[float]]:
    return [one["embedding"] for one in member(_embedded(case, given, **more), "data", list)]


@check(
    "embeddings.shape", SOURCE,
    "A list of embedding objects; embedding: a list of floats; index: in the list of embeddings.", _SEARCH,
    dialects=OWN,
)  # fmt: skip
def shape(case: Case) -> None:
    """A list with one vector of numbers, the model and the usage."""
    body = _embedded(case, f"The {case.word()} is calm.")
    equal(body, "object", "list")
    filled(body, "model")
    equal(body, "data.0.object", "embedding")
    equal(body, "data.0.index", 0)
    vector = member(body, "data.0.embedding", list)
    need(len(vector) > 1, f"the vector has {len(vector)} numbers")
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in vector)
    need(good, "the vector has members that are no finite numbers")
    need(any(vector), "all numbers of the vector are zero")


@check(
    "embeddings.usage", SOURCE, "usage: The usage information for the request.",
    "costs are booked wrongly: LiteLLM, Langfuse", dialects=OWN, severity=SHOULD,
)  # fmt: skip
def usage(case: Case) -> None:
    """The tokens are told."""
    body = _embedded(case, "Say hello.")
    prompt = member(body, "usage.prompt_tokens", int)
    need(prompt > 0, f"the prompt cost {prompt} tokens")
    need(member(body, "usage.total_tokens", int) >= prompt, "the total is less than the prompt")


@check(
    "embeddings.several", SOURCE, "To embed multiple inputs in a single request, pass an array of strings.", _SEARCH,
    dialects=OWN, calls=2,
)  # fmt: skip
def several(case: Case) -> None:
    """Several texts have a vector each, in their order."""
    texts = [f"The {case.word()} is calm." for _ in range(3)]
    body = _embedded(case, texts)
    data = member(body, "data", list)
    need(len(data) == len(texts), f"{len(data)} vectors for {len(texts)} texts")
    need([one.get("index") for one in data] == [0, 1, 2], f"the indices are {[one.get('index') for one in data]}")
    alone = _vectors(case, texts[2])[0]
    need(len({len(one["embedding"]) for one in data}) == 1, "the vectors differ in length")
    nearest = max(range(3), key=lambda n: _cosine(alone, data[n]["embedding"]))
    need(nearest == 2, f"the text at index 2, embedded alone, is nearest to index {nearest}: the order is mixed up")


@check("embeddings.differ", SOURCE, "Embeddings measure the relatedness of text strings.", _SEARCH, dialects=OWN)
def differ(case: Case) -> None:
    """Different texts have different vectors, the same text the same."""
    one, other, again = _vectors(case, [f"A {case.word()} sleeps.", "Taxes are due in May.", "Taxes are due in May."])
    need(_cosine(one, other) < 0.9999, "two different texts have the same vector")
    need(_cosine(other, again) > 0.999, "the same text has two different vectors")


@check(
    "embeddings.base64", SOURCE,
    "encoding_format: The format to return the embeddings in. Can be either float or base64.",
    "the openai package asks for base64 by default and unpacks noise", dialects=OWN, calls=2, profile=AGENT,
)  # fmt: skip
def base64_(case: Case) -> None:
    """A vector can be had as base64 of 32-bit floats, which is what the official client asks for by default."""
    text = f"The {case.word()} is calm."
    packed = _vectors(case, text, encoding_format="base64")[0]
    need(isinstance(packed, str), f"`encoding_format: base64` is answered with {type(packed).__name__}")
    raw = base64.b64decode(str(packed), validate=True)
    need(len(raw) % 4 == 0, f"{len(raw)} bytes are no 32-bit floats")
    vector = list(struct.unpack(f"<{len(raw) // 4}f", raw))
    plain = _vectors(case, text)[0]
    need(len(vector) == len(plain), f"{len(vector)} numbers as base64, {len(plain)} as a list")
    need(_cosine(vector, plain) > 0.999, "the vector as base64 is another than the one as a list")


@check(
    "embeddings.empty", SOURCE, "The input cannot be an empty string; an array must have entries.",
    "a mistake looks like a broken server, and is retried", dialects=OWN, severity=SHOULD, profile=FULL,
)  # fmt: skip
def empty(case: Case) -> None:
    """Nothing to embed is refused."""
    status = case.post({"model": case.model, "input": []}).status
    need(400 <= status < 500, f"an empty list of texts is answered with status {status}")


def _cosine(one: list[float], other: list[float]) -> float:
    length = math.sqrt(sum(v * v for v in one)) * math.sqrt(sum(v * v for v in other))
    return sum(a * b for a, b in zip(one, other, strict=True)) / (length or 1.0)
