"""The OpenAPI document."""

from __future__ import annotations

import jsonschema
import pytest

from mini_agent.http.openapi import openapi_document
from support.gateway import Gateway, Stage

ROUTES = {"/ready", "/healthz", "/metrics", "/openapi.json", "/v1/models", "/v1/chat/completions", "/chat/completions"}


def test_document_has_every_route(gateway: Gateway) -> None:
    """The served document is complete: it has exactly the routes that exist."""
    document = gateway.get("/openapi.json").json()
    assert set(document["paths"]) == ROUTES == {route for route in ROUTES if gateway.get(route).status != 404}


@pytest.mark.parametrize("path", ["/ready", "/healthz", "/v1/models", "/openapi.json"])
def test_answers_match_their_schema(gateway: Gateway, path: str) -> None:
    """What a GET route answers validates against the schema that the document gives for it."""
    document = openapi_document()
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(gateway.get(path).json())


def test_errors_match_their_schema_and_are_declared(stage: Stage) -> None:
    """Error answers validate, and their statuses are declared for the operation."""
    document = openapi_document()
    gateway = stage.gateway(environ={"MINI_AGENT_MASTER_KEY": "mk-12345"})
    authorised = {"authorization": "Bearer mk-12345"}
    declared = document["paths"]["/v1/chat/completions"]["post"]["responses"]
    schema = {**document["components"]["schemas"]["Error"], "components": document["components"]}
    for reply in (
        gateway.chat(),
        gateway.chat(headers=authorised, model="nope"),
        gateway.post("/chat/completions", {}, authorised),
    ):
        assert str(reply.status) in declared
        jsonschema.Draft202012Validator(schema).validate(reply.json())
