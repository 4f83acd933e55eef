"""The list of models."""

from __future__ import annotations

from urllib.parse import quote

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import filled, member, need
from greenlane.ext.probe.pack.sources import MODELS
from greenlane.ext.probe.speech.protocol import list_of
from greenlane.ext.probe.values import FULL, MAY, SHOULD, SPOKEN, Dialect, Finding, check

WITH_MODELS = (*SPOKEN, Dialect.EMBEDDINGS)


def _listed(case: Case) -> list[dict[str, object]]:
    reply = case.wire.call("GET", "/v1/models", headers=case.speech.headers(case.wire.key))
    if reply.status != 200:
        raise Finding(f"GET /v1/models: status {reply.status}, not 200")
    data: list[dict[str, object]] = member(reply.json(), "data", list)
    return data


@check(
    "models.list", MODELS, "Lists the currently available models, and provides basic information about each one.",
    "a client that lets its user choose shows nothing: Open WebUI, LibreChat, Continue", dialects=WITH_MODELS,
)  # fmt: skip
def shape(case: Case) -> None:
    """Every model of the list has an id of its own."""
    data = _listed(case)
    need(data, "GET /v1/models: `data` is empty")
    ids = [filled({"data": data}, f"data.{number}.id") for number in range(len(data))]
    need(len(set(ids)) == len(ids), f"GET /v1/models: an id is listed twice: {max(ids, key=ids.count)}")


@check(
    "models.named", MODELS, "id: The model identifier, which can be referenced in the API endpoints.",
    "a model that works cannot be chosen; clients that check the name first refuse it: Cline, aider",
    dialects=WITH_MODELS, severity=SHOULD,
)  # fmt: skip
def named(case: Case) -> None:
    """The model that answers is on the list."""
    ids = [one.get("id") for one in _listed(case)]
    need(case.model in ids, f"GET /v1/models does not list {case.model}, which is asked")


@check(
    "models.objects", MODELS,
    'object: The object type, which is always "model". created: The Unix timestamp (in seconds).',
    "typed clients show empty owners and dates: the openai package leaves None", dialects=(Dialect.CHAT,), severity=MAY,
    profile=FULL,
)  # fmt: skip
def objects(case: Case) -> None:
    """Each entry says that it is a model, and who has it."""
    data = _listed(case)
    for number, one in enumerate(list_of(data)):
        need(one.get("object") == "model", f"`data.{number}.object` is {one.get('object')!r}, not 'model'")
        member({"data": data}, f"data.{number}.created", int)
        filled({"data": data}, f"data.{number}.owned_by")


@check(
    "models.one", MODELS, "Retrieves a model instance, providing basic information about the model.",
    "`client.models.retrieve` raises NotFoundError: start-up checks of LangChain and Haystack",
    dialects=(Dialect.CHAT,), severity=MAY, profile=FULL,
)  # fmt: skip
def single(case: Case) -> None:
    """One model can be asked for by its name."""
    path = f"/v1/models/{quote(case.model, safe='/')}"
    reply = case.wire.call("GET", path, headers=case.speech.headers(case.wire.key))
    need(reply.status == 200, f"GET {path}: status {reply.status}, not 200")
    need(reply.json().get("id") == case.model, f"GET {path}: `id` is {reply.json().get('id')!r}")
