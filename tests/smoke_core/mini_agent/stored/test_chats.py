"""Kept chats, through the front door: listed, read, labelled, deleted; never by anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.dialect_scripts import DIALECTS, Call, Script, Thought, Words, speak
from support.dialect_world import GROUP, MODES, DialectWorld
from support.gateway import Gateway, Stage
from support.http_client import events_of
from support.protocols import violations
from support.raw_client import RawClient

ADA, BOB = {"x-memory-user-id": "ada"}, {"x-memory-user-id": "bob"}
PATH = "/v1/chat/completions"
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectWorld]:
    """Gateways of both modes in front of a provider of every dialect."""
    with Stage(tmp_path_factory.mktemp("chats")) as stage:
        yield DialectWorld(stage)


def ask(gateway: Gateway, provider: str = "openai_chat", user: Any = ADA, **more: Any) -> Any:
    """Returns: the answer to a chat that is kept."""
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": GROUP[provider], "messages": messages, "store": True, "tools": TOOLS, **more}
    return gateway.post(PATH, body, user)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_is_kept_as_its_caller_got_it(world: DialectWorld, mode: str, provider: str, stream: bool) -> None:
    """Text, thought, calls, reason and usage: whole or put together from its stream."""
    gateway = world.gateways[mode]
    parts = (Thought("hm"), Words("Hello \U0001f600."), Call("c1", "look", '{"a": 1}'), Call("c2", "look", "{}"))
    world.provider.script(speak(Script(parts, finish="tool_calls", name=f"{mode}{provider}{stream}")))
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    reply = ask(gateway, provider, metadata={"topic": "a"}, **options)
    got = events_of(reply.body)[0] if stream else reply.json()
    kept = gateway.get(f"{PATH}/{got['id']}", ADA).json()
    assert kept.pop("metadata") == {"topic": "a"}
    if not stream:
        assert kept == got
    assert violations("openai_chat", "answer", kept) == []
    (choice,) = kept["choices"]
    message = choice["message"]
    calls = [(call["id"], call["function"]["arguments"].replace(" ", "")) for call in message["tool_calls"]]
    assert calls == [("c1", '{"a":1}'), ("c2", "{}")]
    assert (message["content"], message["reasoning_content"]) == ("Hello \U0001f600.", "hm")
    assert (choice["finish_reason"], kept["usage"]["total_tokens"]) == ("tool_calls", 42)


@pytest.mark.parametrize("mode", MODES)
def test_chats_are_listed_labelled_and_deleted(world: DialectWorld, mode: str) -> None:
    """By model, by label, in pages; what was said is there, too."""
    gateway, user = world.gateways[mode], {"x-memory-user-id": "eve"}
    names = []
    for at in range(3):
        world.provider.script(speak(Script((Words("x"),), name=f"list{at}")))
        names.append(ask(gateway, user=user, metadata={"at": str(at)}).json()["id"])

    def listed(query: str = "") -> list[str]:
        return [item["id"] for item in gateway.get(f"{PATH}{query}", user).json()["data"]]

    assert listed() == names
    assert listed("?order=desc&limit=2") == [names[2], names[1]]
    assert listed(f"?after={names[0]}") == names[1:]
    assert listed("?metadata[at]=1") == [names[1]]
    assert listed("?model=by-chat&metadata%5Bat%5D=2") == [names[2]]
    assert listed("?model=other") == []
    changed = gateway.post(f"{PATH}/{names[0]}", {"metadata": {"at": "9"}}, user).json()
    assert (changed["metadata"], listed("?metadata[at]=9")) == ({"at": "9"}, [names[0]])
    (said,) = gateway.get(f"{PATH}/{names[0]}/messages", user).json()["data"]
    assert said == {"role": "user", "content": "hi", "id": f"{names[0]}-0", "content_parts": None}
    gone = gateway.request("DELETE", f"{PATH}/{names[0]}", headers=user).json()
    assert gone == {"object": "chat.completion.deleted", "id": names[0], "deleted": True}
    assert listed() == names[1:]


@pytest.mark.parametrize(
    "query", ["metadata=a", "metadata[]=a", "metadata[a][b]=c", "metadata[a=b", "limit=0", "order=x"]
)
def test_a_list_that_cannot_be_meant_is_refused(world: DialectWorld, query: str) -> None:
    """A wish that is not understood must not look like one that was granted."""
    reply = world.gateways["sdk"].get(f"{PATH}?{query}", ADA)
    assert (reply.status, reply.error["code"]) == (400, "invalid_parameter")
    assert query.startswith(reply.error["param"])


@pytest.mark.parametrize("mode", MODES)
def test_another_user_s_chat_does_not_exist(world: DialectWorld, mode: str) -> None:
    """Whatever is tried on it, and even where a provider gives both the same id."""
    gateway = world.gateways[mode]
    world.provider.script(speak(Script((Words("ada's 4711"),))))
    name = ask(gateway).json()["id"]
    path = f"{PATH}/{name}"
    refused = [
        gateway.get(path, BOB),
        gateway.get(f"{path}/messages", BOB),
        gateway.post(path, {"metadata": {}}, BOB),
        gateway.request("DELETE", path, headers=BOB),
    ]
    assert {(reply.status, reply.error["code"]) for reply in refused} == {(404, "not_stored")}
    assert name not in [item["id"] for item in gateway.get(PATH, BOB).json()["data"]]
    world.provider.script(speak(Script((Words("bob's"),))))
    assert ask(gateway, user=BOB).json()["id"] == name
    texts = [gateway.get(path, user).json()["choices"][0]["message"]["content"] for user in (ADA, BOB)]
    assert texts == ["ada's 4711", "bob's"]


def test_a_deleted_chat_stays_deleted(world: DialectWorld) -> None:
    """Labels that arrive while it is deleted do not bring it back."""
    gateway = world.gateways["sdk"]
    world.provider.script(speak(Script((Words("x"),))))
    path, labels = f"{PATH}/{ask(gateway).json()['id']}", b'{"metadata": {}}'
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-memory-user-id: ada\r\nexpect: 100-continue\r\n"
    head += f"connection: close\r\ncontent-type: application/json\r\ncontent-length: {len(labels)}\r\n\r\n"
    with RawClient(gateway.port) as client:
        client.send(head.encode())
        client.read_until(b"100 Continue\r\n\r\n")  # The route waits for the body.
        assert gateway.request("DELETE", path, headers=ADA).status == 200
        client.send(labels)
        assert client.read().status == 404
    assert gateway.get(path, ADA).status == 404


def test_a_chat_is_kept_only_where_that_is_asked_for(world: DialectWorld) -> None:
    """Without `store: true` there is nothing, nor is there of a stream that broke off."""
    gateway, user = world.gateways["sdk"], {"x-memory-user-id": "zoe"}
    world.provider.script(speak(Script((Words("x"),))))
    for more in ({"store": None}, {"store": False}):
        assert ask(gateway, user=user, **more).status == 200
    assert gateway.get(PATH, user).json()["data"] == []


@pytest.mark.parametrize(
    "metadata", [7, {"a": 1}, {"a" * 65: "b"}, {"a": "b" * 513}, {str(at): "" for at in range(17)}]
)
def test_labels_have_bounds(world: DialectWorld, metadata: Any) -> None:
    """Number, keys and values are those of OpenAI."""
    gateway = world.gateways["sdk"]
    world.provider.script(speak(Script((Words("x"),))))
    reply = gateway.post(f"{PATH}/{ask(gateway).json()['id']}", {"metadata": metadata}, ADA)
    assert (reply.status, reply.error["code"], reply.error["param"]) == (400, "invalid_parameter", "metadata")
