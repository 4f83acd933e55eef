"""The OpenAPI document."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from mini_agent.http.openapi import openapi_document
from support.gateway import Gateway, Stage


def test_document_has_exactly_the_routes_that_exist(gateway: Gateway) -> None:
    """Every documented operation is answered, every other method of its path is a 405, and no route is missing."""
    document = gateway.get("/openapi.json").json()
    assert set(document["paths"]) == gateway.app.routes
    for path, operations in document["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            status = gateway.request(method.upper(), path).status
            assert (status == 405) == (method not in operations), (method, path)


def test_document_is_valid_openapi() -> None:
    """Every reference leads somewhere, every schema is a valid schema, every operation has an id of its own."""
    document = openapi_document()
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert references == set(schemas)
    identities = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(identities) == len(set(identities))


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
