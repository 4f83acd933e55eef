"""The OpenAPI document."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from mini_agent.api.openapi import openapi_document
from support.gateway import Gateway, Stage


def test_document_has_exactly_the_routes_that_exist(gateway: Gateway) -> None:
    """Every documented operation is answered, every other method of its path is a 405, and no route is missing."""
    document = gateway.get("/openapi.json").json()
    assert set(document["paths"]) == gateway.app.routes
    for path, operations in document["paths"].items():
        for method in ("get", "head", "post", "put", "patch", "delete"):
            if method == "head" and "get" in operations:
                continue  # Whoever answers a GET answers its head.
            status = gateway.request(method.upper(), path).status
            assert (status == 405) == (method not in operations), (method, path)


@pytest.mark.parametrize("relays", [False, True])
def test_document_is_valid_openapi(relays: bool) -> None:
    """Every reference leads somewhere, every schema is a valid schema, every operation has an id of its own."""
    document = openapi_document(relays=relays)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references == set(schemas)
    operations = [item for path in document["paths"].values() for name, item in path.items() if name != "parameters"]
    identities = [operation["operationId"] for operation in operations]
    assert len(identities) == len(set(identities))


def test_routes_that_ask_a_model_differ_in_what_they_say() -> None:
    """A reader of the document sees which is which; only the two ways to chat are the same."""
    paths = openapi_document()["paths"]
    asked = ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/completions", "/v1/embeddings", "/agent/run")
    assert len({paths[path]["post"]["summary"] for path in asked}) == len(asked)


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


def test_the_relay_is_told_of_where_there_is_one(stage: Stage) -> None:
    """In forward mode the document has the relay, and its errors are declared and have the form of all errors."""
    forward = {"MINI_AGENT_PROVIDER_MODE": "forward", "MINI_AGENT_FORWARD_URL": "http://127.0.0.1:9"}
    gateway = stage.gateway(environ={**forward, "MINI_AGENT_MASTER_KEY": "mk-12345"})
    document = gateway.get("/openapi.json").json()
    assert set(document["paths"]) - gateway.app.routes == {"/v1/{path}"}
    schema = {**document["components"]["schemas"]["Error"], "components": document["components"]}
    for method, headers in (("GET", {}), ("DELETE", {"authorization": "Bearer mk-12345"})):
        reply = gateway.request(method, "/v1/files", headers=headers)
        assert str(reply.status) in document["paths"]["/v1/{path}"][method.lower()]["responses"]
        jsonschema.Draft202012Validator(schema).validate(reply.json())
