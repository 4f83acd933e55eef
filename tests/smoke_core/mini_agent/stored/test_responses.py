"""Kept responses, through the front door: continued, read, listed, cancelled, deleted; never by anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mini_agent.app import Ports
from support.dialect_listener import server_events
from support.dialect_scripts import DIALECTS, PATHS, Call, Script, Thought, Words, speak
from support.dialect_world import GROUP, MODES, DialectWorld, entries
from support.gateway import Gateway, Stage
from support.hand_clock import HandClock
from support.http_client import Reply
from support.memory_service import results
from support.protocols import violations
from support.upstream import Behaviour, held, refuse

ADA, BOB = {"x-memory-user-id": "ada"}, {"x-memory-user-id": "bob"}
PATH = "/v1/responses"


def scripts(*texts: str) -> list[Behaviour]:
    """Returns: answers of these texts, each with an id of its own."""
    return [speak(Script((Words(text),), name=f"up{at}")) for at, text in enumerate(texts)]


HELLO = Script((Words("Hello, Ada."),))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DialectWorld]:
    """Gateways of both modes in front of a provider of every dialect."""
    with Stage(tmp_path_factory.mktemp("stored")) as stage:
        yield DialectWorld(stage)


def create(gateway: Gateway, provider: str, given: Any, headers: Any = ADA, **more: Any) -> dict[str, Any]:
    """Returns: a response. Raises: AssertionError when there is none."""
    reply = gateway.post(PATH, {"model": GROUP[provider], "input": given, **more}, headers)
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.json()
    return body


def sent(world: DialectWorld) -> str:
    """Returns: the conversation that the provider got last, as text."""
    body = world.provider.requests[-1].body
    return json.dumps(body.get("messages", body.get("input")))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", DIALECTS)
def test_a_response_is_continued_by_its_id(world: DialectWorld, mode: str, provider: str) -> None:
    """The provider sees the whole conversation, whatever it speaks; instructions are those of the newest request."""
    gateway = world.gateways[mode]
    world.provider.script(*scripts("Hello, Ada.", "Your name is Ada.", "Yes."))
    first = create(gateway, provider, "I am Ada.", instructions="Be brief.")
    second = create(gateway, provider, "Who am I?", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert violations("openai_responses", "answer", second) == []
    said = sent(world)
    assert [said.find(text) > 0 for text in ("I am Ada.", "Hello, Ada.", "Who am I?", "Be brief.")] == [1, 1, 1, 0]
    assert said.find("I am Ada.") < said.find("Hello, Ada.") < said.find("Who am I?")
    assert "previous_response_id" not in world.provider.requests[-1].body
    third = gateway.post(PATH, {"model": GROUP[provider], "input": "go", "previous_response_id": second["id"]}, ADA)
    assert "x-mini-agent-dropped" not in third.headers
    assert "Your name is Ada." in sent(world)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", DIALECTS)
def test_a_streamed_response_is_kept_before_its_end_is_told(world: DialectWorld, mode: str, provider: str) -> None:
    """What the last event says is what is kept, and it says what it continues."""
    gateway = world.gateways[mode]
    world.provider.script(
        speak(Script((Thought("hm"), Words("Hello."), Call("c1", "look", "{}")), finish="tool_calls"))
    )
    first = create(gateway, provider, "hi")
    asked = {"model": GROUP[provider], "stream": True, "previous_response_id": first["id"]}
    result = [{"type": "function_call_output", "call_id": "c1", "output": "rain"}]
    told = server_events("openai_responses", gateway.post(PATH, {**asked, "input": result}, ADA).body)
    last = told[-1]["response"]
    assert gateway.get(f"{PATH}/{last['id']}", ADA).json() == last
    assert {event["response"]["previous_response_id"] for event in told if "response" in event} == {first["id"]}
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    said = sent(world)
    assert "rain" in said
    assert "hm" in said


@pytest.mark.parametrize("mode", MODES)
def test_another_user_s_response_does_not_exist(world: DialectWorld, mode: str) -> None:
    """Reading, listing, cancelling, deleting, continuing, referring: 404, the same as for an id that never was."""
    gateway = world.gateways[mode]
    world.provider.script(speak(Script((Words("The code is 4711."),))))
    for provider in DIALECTS:
        mine = create(gateway, provider, "secret")
        for name in (mine["id"], "resp_never"):
            refused = [
                gateway.get(f"{PATH}/{name}", BOB),
                gateway.get(f"{PATH}/{name}/input_items", BOB),
                gateway.post(f"{PATH}/{name}/cancel", {}, BOB),
                gateway.request("DELETE", f"{PATH}/{name}", headers=BOB),
            ]
            assert {(reply.status, reply.error["code"]) for reply in refused} == {(404, "not_stored")}
            asked = {"model": GROUP[provider], "input": "go on"}
            world.provider.forget()
            reply = gateway.post(PATH, {**asked, "previous_response_id": name}, BOB)
            assert (reply.status, reply.error["code"]) == (404, "previous_response_not_found")
            assert reply.error["param"] == "previous_response_id"
            reference = {"type": "item_reference", "id": mine["output"][0]["id"]}
            other = gateway.post(PATH, {**asked, "input": [reference]}, BOB)
            assert (other.status, other.error["code"], world.provider.requests) == (404, "not_stored", [])
            assert all(b"4711" not in reply.body for reply in (*refused, other))
        assert gateway.get(f"{PATH}/{mine['id']}", ADA).json() == mine


@pytest.mark.parametrize("mode", MODES)
def test_an_item_is_referred_to_by_its_id(world: DialectWorld, mode: str) -> None:
    """A client that sends ids instead of items gets them filled in from its own responses."""
    gateway = world.gateways[mode]
    world.provider.script(speak(HELLO))
    first = create(gateway, "anthropic_messages", "I am Ada.")
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    create(gateway, "openai_chat", [reference, {"role": "user", "content": "again"}])
    assert "Hello, Ada." in sent(world)


def test_nothing_is_kept_of_what_is_not_to_be_kept(world: DialectWorld) -> None:
    """`store: false` leaves no trace; it may still continue what is kept."""
    gateway = world.gateways["sdk"]
    world.provider.script(speak(HELLO))
    first = create(gateway, "openai_chat", "hi")
    second = create(gateway, "openai_chat", "hi", store=False, previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert gateway.get(f"{PATH}/{second['id']}", ADA).status == 404


def test_a_deleted_response_is_gone_with_what_continues_it(world: DialectWorld) -> None:
    """Its content is nowhere any more, so nothing can go on from there."""
    gateway = world.gateways["sdk"]
    world.provider.script(speak(HELLO))
    first = create(gateway, "openai_chat", "hi")
    second = create(gateway, "openai_chat", "and?", previous_response_id=first["id"])
    gone = gateway.request("DELETE", f"{PATH}/{first['id']}", headers=ADA)
    assert gone.json() == {"id": first["id"], "object": "response", "deleted": True}
    assert gateway.get(f"{PATH}/{first['id']}", ADA).status == 404
    reply = gateway.post(PATH, {"model": "by-chat", "input": "x", "previous_response_id": second["id"]}, ADA)
    assert (reply.status, reply.error["code"]) == (404, "previous_response_not_found")


def test_input_items_come_in_pages(world: DialectWorld) -> None:
    """The newest first, or in the order asked for; each with an id, by which the next page goes on."""
    gateway = world.gateways["sdk"]
    world.provider.script(speak(HELLO))
    first = create(gateway, "openai_chat", "one")
    second = create(gateway, "openai_chat", [{"role": "user", "content": "two"}], previous_response_id=first["id"])

    def page(query: str) -> dict[str, Any]:
        body: dict[str, Any] = gateway.get(f"{PATH}/{second['id']}/input_items{query}", ADA).json()
        return body

    whole = page("?order=asc")
    assert [item["content"][0]["text"] for item in whole["data"]] == ["one", "Hello, Ada.", "two"]
    assert (whole["object"], whole["has_more"]) == ("list", False)
    assert page("")["data"] == whole["data"][::-1]
    begun = page("?limit=2&order=asc")
    assert (begun["data"], begun["has_more"]) == (whole["data"][:2], True)
    rest = page(f"?limit=2&order=asc&after={begun['last_id']}")
    assert (rest["data"], rest["has_more"], rest["first_id"]) == (whole["data"][2:], False, whole["last_id"])
    for query in ("?limit=0", "?limit=101", "?limit=x", "?order=up"):
        reply = gateway.get(f"{PATH}/{second['id']}/input_items{query}", ADA)
        assert (reply.status, reply.error["code"]) == (400, "invalid_parameter")
    assert gateway.get(f"{PATH}/{second['id']}/input_items?after=nope", ADA).error["param"] == "after"


def polled(gateway: Gateway, name: str, stage: Stage) -> dict[str, Any]:
    """Returns: a response of the background once it is no longer in progress."""
    while (body := gateway.get(f"{PATH}/{name}", ADA).json())["status"] == "in_progress":
        pass
    return dict(body)


@pytest.mark.parametrize("provider", DIALECTS)
def test_a_response_in_the_background_is_there_when_it_is_there(stage: Stage, provider: str) -> None:
    """Its caller is answered at once, and finds the answer under the id later."""
    gateway = stage.gateway({"model_list": entries(stage)})
    stage.upstream.script(speak(HELLO))
    begun = create(gateway, provider, "hi", background=True, metadata={"a": "b"})
    assert (begun["status"], begun["background"], begun["output"]) == ("in_progress", True, [])
    assert violations("openai_responses", "answer", begun) == []
    ready = polled(gateway, begun["id"], stage)
    assert (ready["status"], ready["id"], ready["background"]) == ("completed", begun["id"], True)
    assert ready["output"][0]["content"][0]["text"] == "Hello, Ada."
    assert "background" not in stage.upstream.requests[0].body
    assert gateway.post(f"{PATH}/{begun['id']}/cancel", {}, ADA).json() == ready


@pytest.mark.parametrize("text", [0, "", False, [], {}])
def test_an_empty_value_of_the_wrong_type_is_no_fault_of_ours(stage: Stage, text: Any) -> None:
    """What says nothing is read as nothing, in the answer that repeats it, too."""
    gateway = stage.gateway({"model_list": entries(stage)})
    stage.upstream.script(speak(HELLO))
    for more in ({}, {"background": True}):
        assert create(gateway, "openai_chat", "hi", text=text, **more)["text"] == {"format": {"type": "text"}}


def test_a_response_in_the_background_is_cancelled(stage: Stage) -> None:
    """The provider is left, and the response says so; one that is not in the background cannot be."""
    gateway = stage.gateway({"model_list": entries(stage)})
    stage.upstream.script(held("late"))
    begun = create(gateway, "openai_chat", "hi", background=True)
    stage.upstream.wait_requests(1)
    assert gateway.post(f"{PATH}/{begun['id']}/cancel", {}, ADA).json()["status"] == "cancelled"
    assert stage.upstream.wait_dropped()
    stage.upstream.script(speak(HELLO))
    plain = create(gateway, "openai_chat", "hi")
    reply = gateway.post(f"{PATH}/{plain['id']}/cancel", {}, ADA)
    assert (reply.status, reply.error["code"]) == (400, "invalid_parameter")


def test_what_the_background_holds_is_bounded(stage: Stage) -> None:
    """Nobody's connection bounds it: of a user no more is worked on than is kept, by number and by bytes."""
    bounds = {"MINI_AGENT_STORED_USER_BYTES": "20000", "MINI_AGENT_STORED_USER_ENTRIES": "3"}
    gateway = stage.gateway({"model_list": entries(stage)}, bounds)
    stage.upstream.script(held("late"))
    asked = {"model": "by-chat", "background": True}

    def statuses(size: int, times: int, user: dict[str, str]) -> list[int]:
        return [gateway.post(PATH, {**asked, "input": "x" * size}, user).status for _ in range(times)]

    assert statuses(9000, 3, ADA) == [200, 200, 503]
    assert statuses(1, 4, BOB) == [200, 200, 200, 503]


def test_work_in_the_background_ends_though_its_response_was_pushed_out(stage: Stage) -> None:
    """Whoever has its id can still end it."""
    gateway = stage.gateway({"model_list": entries(stage)}, {"MINI_AGENT_STORED_USER_ENTRIES": "1"})
    for method, path, status in (("POST", "/cancel", 200), ("DELETE", "", 200)):
        stage.upstream.forget()
        stage.upstream.script(held("late"), speak(HELLO))
        begun = create(gateway, "openai_chat", "hi", background=True)
        stage.upstream.wait_requests(1)
        create(gateway, "openai_chat", "hi")
        assert gateway.get(f"{PATH}/{begun['id']}", ADA).status == 404
        assert gateway.request(method, f"{PATH}/{begun['id']}{path}", headers=BOB).status == 404
        assert gateway.request(method, f"{PATH}/{begun['id']}{path}", headers=ADA).status == status
        assert stage.upstream.wait_dropped()


def test_a_response_in_the_background_that_is_too_large_says_so(stage: Stage) -> None:
    """Its caller polls for an end, and gets one."""
    gateway = stage.gateway({"model_list": entries(stage)}, {"MINI_AGENT_STORED_USER_BYTES": "20000"})
    stage.upstream.script(speak(Script((Words("x" * 20000),))))
    ended = polled(gateway, create(gateway, "openai_chat", "hi", background=True)["id"], stage)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "server_error")


def test_a_response_in_the_background_that_fails_says_why(stage: Stage) -> None:
    """The failure has the form of the protocol, and nothing of our keys is in it."""
    gateway = stage.gateway({"model_list": entries(stage)})
    stage.upstream.script(refuse(500, "we are down"))
    failed = polled(gateway, create(gateway, "openai_chat", "hi", background=True)["id"], stage)
    assert (failed["status"], failed["error"]) == ("failed", {"code": "server_error", "message": "we are down"})
    for more, code in (({"stream": True}, "unsupported_parameter"), ({"store": False}, "invalid_parameter")):
        reply = gateway.post(PATH, {"model": "by-chat", "input": "hi", "background": True, **more}, ADA)
        assert (reply.status, reply.error["code"], reply.error["param"]) == (400, code, "background")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("provider", DIALECTS)
def test_a_conversation_is_made_shorter(world: DialectWorld, mode: str, provider: str) -> None:
    """The model sums it up; the item that holds the summary takes the place of all that it sums up."""
    gateway = world.gateways[mode]
    world.provider.script(*scripts("Hello, Ada.", "Ada said who she is."))
    first = create(gateway, provider, "I am Ada, 36.")
    compact = {"model": GROUP[provider], "input": "More.", "previous_response_id": first["id"], "top_p": 0.5}
    reply = gateway.post(f"{PATH}/compact", compact, ADA)
    assert reply.headers["x-mini-agent-dropped"] == "top_p"
    made = reply.json()
    assert (reply.status, made["object"], made["usage"]["total_tokens"]) == (200, "response.compaction", 42)
    assert [item["type"] for item in made["output"]] == ["message", "message", "compaction"]
    assert "I am Ada, 36." in sent(world)
    world.provider.script(*scripts("Yes."))
    turn = {"role": "user", "content": "go on"}
    for given, more in (([*made["output"], turn], {}), ("go on", {"previous_response_id": made["id"]})):
        create(gateway, provider, given, **more)
        assert "Ada said who she is." in sent(world)
        assert "Hello, Ada." not in sent(world)
        assert "encrypted_content" not in sent(world)


def test_what_is_kept_has_an_end(stage: Stage) -> None:
    """Entries, bytes and time are bounded: of each user, and of all; the longest unused goes first."""
    clock = HandClock()
    environ = {
        "MINI_AGENT_STORED_USER_ENTRIES": "2",
        "MINI_AGENT_STORED_ENTRIES": "3",
        "MINI_AGENT_STORED_USER_BYTES": "20000",
        "MINI_AGENT_STORED_TTL_S": "100",
    }
    gateway = stage.gateway({"model_list": entries(stage)}, environ, ports=Ports(clock=clock))
    stage.upstream.script(speak(HELLO))
    names = [create(gateway, "openai_chat", "hi")["id"] for _ in range(2)]
    gateway.get(f"{PATH}/{names[0]}", ADA)
    names.append(create(gateway, "openai_chat", "hi")["id"])

    def there(headers: dict[str, str], *wanted: str) -> list[bool]:
        return [gateway.get(f"{PATH}/{name}", headers).status == 200 for name in wanted]

    assert there(ADA, *names) == [True, False, True]
    of_bob = [create(gateway, "openai_chat", "hi", BOB)["id"] for _ in range(2)]
    assert there(ADA, *names) == [False, False, True]
    assert there(BOB, *of_bob) == [True, True]
    large = create(gateway, "openai_chat", "x" * 20000, BOB)["id"]
    assert there(BOB, large, *of_bob) == [False, True, True]
    clock.advance(99)
    assert there(BOB, of_bob[0]) == [True]
    clock.advance(99)
    assert there(BOB, *of_bob) == [True, False]


def test_a_gateway_that_keeps_nothing(stage: Stage) -> None:
    """With no room at all responses are answered and forgotten, and those in the background refused."""
    gateway = stage.gateway({"model_list": entries(stage)}, {"MINI_AGENT_STORED_ENTRIES": "0"})
    stage.upstream.script(speak(HELLO))
    made = create(gateway, "openai_chat", "hi")
    assert gateway.get(f"{PATH}/{made['id']}", ADA).status == 404
    reply = gateway.post(PATH, {"model": "by-chat", "input": "hi", "background": True}, ADA)
    assert (reply.status, reply.error["code"]) == (400, "unsupported_parameter")


def test_kept_answers_need_the_key(stage: Stage) -> None:
    """Without it nobody learns whether there is something."""
    gateway = stage.gateway({"model_list": entries(stage)}, {"MINI_AGENT_MASTER_KEY": "mk-0123456789"})
    paths = [f"{PATH}/r", f"{PATH}/r/input_items", "/v1/chat/completions", "/v1/chat/completions/c"]
    replies: list[Reply] = [gateway.get(path, ADA) for path in paths]
    assert {(reply.status, reply.error["code"]) for reply in replies} == {(401, "invalid_api_key")}
    assert gateway.get(paths[0], {"x-api-key": "mk-0123456789"}).status == 404
    assert PATHS[PATH] == "openai_responses"


def test_memory_is_asked_anew_and_not_kept(stage: Stage) -> None:
    """Each request of a conversation gets what is known of its user; none of that is a turn of the conversation."""
    service = stage.memory_service()
    service.script(results([{"content": "Ada likes tea."}]))
    gateway = stage.gateway({"model_list": entries(stage), "context_retrieval": service.section()})
    stage.upstream.script(*scripts("Hello.", "Tea."))
    first = create(gateway, "anthropic_messages", "I am Ada.")
    second = create(gateway, "anthropic_messages", "What do I drink?", previous_response_id=first["id"])
    assert [json.dumps(seen.body).count("Ada likes tea.") for seen in stage.upstream.requests] == [1, 1]
    assert [seen.body["q"] for seen in service.requests] == ["I am Ada.", "What do I drink?"]
    kept = gateway.get(f"{PATH}/{second['id']}/input_items", ADA).body
    assert (b"I am Ada." in kept, b"likes tea" in kept) == (True, False)
