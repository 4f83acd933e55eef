"""A provider holds what all users said under one key: no id that a caller writes may reach it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.dialect_scripts import DIALECTS, Script, Words, speak
from support.dialect_world import GROUP, MODES, DialectWorld
from support.gateway import Stage

ADA = {"x-memory-user-id": "ada"}
PATH = "/v1/responses"
#: An item of somebody else's, which the provider would look up.
FOREIGN = "msg_of_bob"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectWorld]:
    """Gateways of both modes in front of a provider of every dialect."""
    with Stage(tmp_path_factory.mktemp("foreign")) as stage:
        yield DialectWorld(stage)


def sent(world: DialectWorld) -> list[dict[str, Any]]:
    """Returns: the bodies that the provider got since it was last asked for them."""
    bodies = [seen.body for seen in world.provider.requests]
    world.provider.forget()
    return bodies


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("more", [{}, {"type": None}, {"role": None}], ids=["no type", "null", "no role"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/compact"])
def test_a_reference_without_its_type_is_one(world: DialectWorld, mode: str, more: dict[str, Any], path: str) -> None:
    """The protocol lets the type be left out; the provider would read it as a reference."""
    world.provider.forget()
    world.provider.script(speak(Script((Words("x"),))))
    body = {"model": GROUP["openai_responses"], "input": [{"id": FOREIGN, **more}, {"role": "user", "content": "go"}]}
    reply = world.gateways[mode].post(path, body, ADA)
    assert (reply.status, reply.error["code"], sent(world)) == (404, "not_stored", [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", DIALECTS)
def test_a_kept_reference_is_what_it_referred_to(world: DialectWorld, mode: str, provider: str) -> None:
    """Whoever gives an item of his own the id of somebody else's gets his own, in later turns, too."""
    gateway, model = world.gateways[mode], GROUP[provider]
    world.provider.forget()
    world.provider.script(*(speak(Script((Words(text),), name=text)) for text in "abc"))
    # An id of its own: the gateway keeps it for the other tests, too.
    name = f"{FOREIGN}_{mode}_{provider}"
    own = {"type": "message", "role": "user", "id": name, "content": "mine"}
    gateway.post(PATH, {"model": model, "input": [own]}, ADA)
    reference = {"type": "item_reference", "id": name}
    second = gateway.post(PATH, {"model": model, "input": [reference]}, ADA).json()
    asked = {"model": model, "input": "again", "previous_response_id": second["id"]}
    assert gateway.post(PATH, asked, ADA).status == 200
    last = json.dumps(sent(world)[-1])
    assert ("mine" in last, "item_reference" in last) == (True, False)


@pytest.mark.parametrize("name", [None, 5, {}])
def test_a_reference_to_nothing_is_none_of_the_items_without_an_id(world: DialectWorld, name: Any) -> None:
    """What was kept without an id has none that anybody could mean."""
    gateway, model = world.gateways["sdk"], GROUP["openai_chat"]
    world.provider.script(speak(Script((Words("x"),))))
    assert gateway.post(PATH, {"model": model, "input": "hi"}, ADA).status == 200
    for reference in ({"type": "item_reference", "id": name}, {"type": "item_reference"}):
        reply = gateway.post(PATH, {"model": model, "input": [reference]}, ADA)
        assert (reply.status, reply.error["code"], reply.error["param"]) == (400, "invalid_parameter", "input")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/compact"])
def test_a_small_request_does_not_become_a_large_one(world: DialectWorld, path: str) -> None:
    """A reference has a few bytes, its item up to millions: it is filled in once."""
    gateway, model = world.gateways["sdk"], GROUP["openai_chat"]
    world.provider.script(speak(Script((Words("x"),))))
    long = {"type": "message", "role": "user", "id": "msg_long", "content": "x" * 100_000}
    assert gateway.post(PATH, {"model": model, "input": [long]}, ADA).status == 200
    sent(world)
    reply = gateway.post(path, {"model": model, "input": [{"type": "item_reference", "id": "msg_long"}] * 50}, ADA)
    assert (reply.status, reply.error["param"], sent(world)) == (400, "input", [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("given", ["conv_of_bob", {"id": "conv_of_bob"}], ids=["id", "object"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/compact"])
def test_a_conversation_of_the_provider_s_is_refused(world: DialectWorld, mode: str, given: Any, path: str) -> None:
    """It is the provider's own memory, under the key of the gateway: of all users."""
    world.provider.forget()
    world.provider.script(speak(Script((Words("x"),))))
    body = {"model": GROUP["openai_responses"], "input": "go on", "conversation": given}
    reply = world.gateways[mode].post(path, body, ADA)
    assert (reply.status, reply.error["param"], sent(world)) == (400, "conversation", [])
