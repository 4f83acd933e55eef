"""The scripted provider on a real port: what later tests of whole gateways rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mini_agent.dialects import Dialect, Reply, StreamTranslation, translate_answer, translate_request
from mini_agent.dialects.frames import frames
from mini_agent.net.sse import SseReader
from support.dialect_listener import hear, listen
from support.dialect_requests import REQUESTS
from support.dialect_scripts import PATHS, Call, Script, Words, speak
from support.http_client import HttpClient
from support.loop_thread import LoopThread
from support.upstream import Upstream

SCRIPT = Script((Words("Grüezi."), Call("call_1", "look", '{"city":"Bern"}')), finish="tool_calls")


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """One provider, which says the same in every dialect."""
    with LoopThread() as loop, Upstream(loop) as upstream:
        upstream.script(speak(SCRIPT))
        yield upstream


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("caller", Dialect)
def test_the_scripted_provider_speaks_every_dialect_over_http(provider: Upstream, caller: Dialect, path: str) -> None:
    """Whole and streamed, by the path that is asked, the same answer."""
    dialect = Dialect(PATHS[path])
    asked = REQUESTS["plain"](caller)
    reply = Reply(id="1", created=1, request=translate_request(asked, caller, caller).request, body=asked)
    client = HttpClient("127.0.0.1", provider.port)
    raw = client.post(path, translate_request(asked, caller, dialect).body).body
    heard = hear(caller, json.loads(translate_answer(raw, caller, dialect, reply)))
    assert (heard.text, heard.calls) == ("Grüezi.", (("call_1", "look", {"city": "Bern"}),))
    events = client.post(path, translate_request({**asked, "stream": True}, caller, dialect).body).body
    stream = StreamTranslation(caller, dialect, reply)
    told = stream.feed(SseReader().feed(events))[0] + stream.close()
    streamed = listen(caller, frames(caller, told))
    assert (streamed.text, streamed.calls, streamed.finish) == (heard.text, heard.calls, heard.finish)
