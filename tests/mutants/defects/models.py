"""Lists of models that are wrong, and vectors that mean nothing."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from typing import Any

from mutants.change import drop, edit, put
from mutants.healthy import EMBEDDER, MODEL, Exchange, Response, embeddings_body
from mutants.mutant import Mutant, RefusedError, Seams

LISTING = ("chat", "messages", "responses", "embeddings")
VECTORS = ("embeddings",)
CHAT = ("chat",)


def _list(change: Callable[[list[dict[str, Any]]], Any]) -> Seams:
    """Change the list of models."""

    def seam(body: Any, x: Exchange) -> Any:
        return change(body["data"]) if x.path == "/v1/models" else body

    return Seams(body=seam)


def _of(data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": data}


def _each(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Seams:
    return _list(lambda data: _of([change(dict(model)) for model in data]))


def _but(name: str) -> Seams:
    return _each(lambda model: {member: value for member, value in model.items() if member != name})


def _no_list(response: Response, x: Exchange) -> Response:
    return Response.of({"error": {"message": "no", "type": "x"}}, 404) if x.path == "/v1/models" else response


def _renamed(model: dict[str, Any]) -> dict[str, Any]:
    return {**model, "id": model["id"].removeprefix("healthy").strip("-") or "x"}


def _single(change: Callable[[Response], Response]) -> Seams:
    return Seams(response=lambda response, x: change(response) if x.path == f"/v1/models/{MODEL}" else response)


def _vectors(change: Callable[[Any, int], Any]) -> Seams:
    """Change each vector; it is given with its place."""

    def seam(body: Any, x: Exchange) -> Any:
        if x.dialect != "embeddings":
            return body
        return {**body, "data": [{**one, "embedding": change(one["embedding"], one["index"])} for one in body["data"]]}

    return Seams(body=seam)


def _data(change: Callable[[list[Any]], list[Any]]) -> Seams:
    return edit(change, "data")


def _swapped(data: list[Any]) -> list[Any]:
    """Vectors come in the order in which they were ready."""
    vectors = [one["embedding"] for one in data][::-1]
    return [{**one, "embedding": vector} for one, vector in zip(data, vectors, strict=True)]


def _noise(vector: Any, index: int) -> Any:
    if not isinstance(vector, list):
        return vector
    draw = random.Random(hashlib.sha256(f"{vector[0]} {index}".encode()).digest())
    return [draw.gauss(0, 1) for _ in vector]


def _no_base64(body: Any, x: Exchange) -> Any:
    """`encoding_format` is ignored."""
    if x.dialect != "embeddings":
        return body
    return embeddings_body({name: value for name, value in x.body.items() if name != "encoding_format"})


def _empty_as(refused: RefusedError | None) -> Seams:
    return Seams(refused=lambda r, x: refused if isinstance(x.body, dict) and x.body.get("input") == [] else r)


def _reversed_bytes(vector: Any, _index: int) -> Any:
    """The floats are packed in the order of another processor."""
    if not isinstance(vector, str):
        return vector
    raw = base64.b64decode(vector)
    return base64.b64encode(b"".join(raw[n : n + 4][::-1] for n in range(0, len(raw), 4))).decode()


LISTS = (
    Mutant("no list of models", "models.list", Seams(response=_no_list), LISTING),
    Mutant("list of models is empty", "models.list", _list(lambda _data: _of([])), LISTING),
    Mutant("list of models is called `models`", "models.list", _list(lambda data: {"models": data}), LISTING),
    Mutant("list of models is a bare list", "models.list", _list(lambda data: data), LISTING),
    Mutant("models have a `name` and no id", "models.list", _each(lambda m: {"name": m["id"], "object": "model"}),
           LISTING),
    Mutant("a model is listed twice", "models.list", _list(lambda data: _of([*data, data[0]])), LISTING),
    Mutant("models are listed by other names", "models.named", _each(_renamed), LISTING),
    Mutant("models without `object`", "models.objects", _but("object"), CHAT),
    Mutant("models without `created`", "models.objects", _but("created"), CHAT),
    Mutant("models of nobody", "models.objects", _but("owned_by"), CHAT),
    Mutant("one model cannot be asked for", "models.one",
           _single(lambda _response: Response.of({"error": {"message": "no", "type": "x"}}, 404)), CHAT),
    Mutant("one model is answered by another", "models.one",
           _single(lambda response: Response.of({**response.json(), "id": EMBEDDER})), CHAT),
)  # fmt: skip

EMBEDDINGS = (
    Mutant("vectors without `object`", "embeddings.shape", drop("object"), VECTORS),
    Mutant("no vector", "embeddings.shape", put([], "data"), VECTORS),
    Mutant("vectors without an index", "embeddings.shape", drop("data.0.index"), VECTORS),
    Mutant("vector of zeros", "embeddings.shape", _vectors(lambda v, _n: [0.0 for _ in v]), VECTORS),
    Mutant("vector of text", "embeddings.shape", _vectors(lambda v, _n: [str(one) for one in v]), VECTORS),
    Mutant("vector with no number in it", "embeddings.shape",
           _vectors(lambda v, _n: [float("nan"), *v[1:]]), VECTORS),
    Mutant("vector of one number", "embeddings.shape", _vectors(lambda v, _n: v[:1]), VECTORS),
    Mutant("vectors without usage", "embeddings.usage", drop("usage"), VECTORS),
    Mutant("vectors cost nothing", "embeddings.usage", put(0, "usage.prompt_tokens"), VECTORS),
    Mutant("only the first text has a vector", "embeddings.several", _data(lambda data: data[:1]), VECTORS),
    Mutant("vectors in another order", "embeddings.several", _data(_swapped), VECTORS),
    Mutant("every vector has index 0", "embeddings.several",
           _data(lambda data: [{**one, "index": 0} for one in data]), VECTORS),
    Mutant("every text has the same vector", "embeddings.differ",
           _vectors(lambda v, _n: [1.0 for _ in v] if isinstance(v, list) else v), VECTORS),
    Mutant("the same text has two vectors", "embeddings.differ", _vectors(_noise), VECTORS),
    Mutant("vectors are never base64", "embeddings.base64", Seams(body=_no_base64), VECTORS),
    Mutant("floats of base64 in another order of bytes", "embeddings.base64", _vectors(_reversed_bytes), VECTORS),
    Mutant("nothing is embedded", "embeddings.empty", _empty_as(None), VECTORS),
    Mutant("nothing to embed breaks the server", "embeddings.empty",
           _empty_as(RefusedError(500, "api_error", "IndexError")), VECTORS),
)  # fmt: skip

MUTANTS = (*LISTS, *EMBEDDINGS)
