"""The release lane's own code against hosts that speak each provider's protocol, honestly and not.

It speaks httpx, so respx stands for the hosts: they have their real names and TLS, as no server on loopback could.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
import respx

from greenlane.evidence.journal import Answered
from greenlane.ext.llm.answers import canned_together, why_not_live
from support.live import ROOT, Line, LiveProvider, Overrun, Request, Said, entries, live_provider, questions, sum_of

ENTRIES = entries()
OPENAI = "https://api.openai.com"
PLACES = {variable: "http://127.0.0.1:9" for entry in ENTRIES.values() for variable in entry.variables}
Think = Callable[[str], str]


class Host:
    """A provider's own host as httpx meets it, and nothing beside it: another address is an error of the test.

    provider: whose protocol it speaks; think: what it answers; base: its address, by default that of its release tests.
    """

    def __init__(self, provider: LiveProvider, think: Think, base: str = "") -> None:
        self.seen: list[Request] = []
        self.base = base or provider.base(PLACES)
        self._provider = provider
        self._think = think
        self._router = respx.mock(base_url=self.base, assert_all_called=False)

    def __enter__(self) -> Host:
        self._router.start()
        self._router.route().mock(side_effect=self._answer)
        return self

    def __exit__(self, *_: object) -> None:
        self._router.stop()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        body = json.loads(request.content or b"null")
        asked = Request(request.method, path, {name.lower(): value for name, value in request.headers.items()}, body)
        self.seen.append(asked)
        status, content = self._provider.serve(asked, self._think)
        headers = {"location": content["location"]} if status == 307 else {}
        return httpx.Response(status, headers=headers, json=content) if content is not None else httpx.Response(status)


def environment(name: str, base: str) -> dict[str, str]:
    """Return the variables that a provider's entry names, each with a value."""
    entry = ENTRIES[name]
    return {**dict.fromkeys(entry.secrets, "sk-of-a-test"), **dict.fromkeys(entry.variables, base)}


def ask(name: str, server: Host, **limits: Any) -> list[Answered]:
    """Ask a provider's two questions of a server, as the release test does, and return the evidence."""
    entry = msgspec.structs.replace(ENTRIES[name], **limits)
    line, provider, shown = Line(server.base, entry), live_provider(name), []
    for question in questions():
        said = line.check(provider.ask(line, environment(name, server.base), entry.model, question.prompt))
        shown.append(evidence(name, question.prompt, said, line.host))
        assert provider.EXACT is False or question.answer in said.text
    return shown


def evidence(name: str, prompt: str, said: Said, host: str) -> Answered:
    """Return what the journal holds of an answer."""
    return Answered(
        worker="main", at=0.0, nodeid="t", service=name, model=said.model, prompt=prompt, text=said.text,
        tokens=said.tokens or 0, request=said.request, host=host,
    )  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_a_provider_is_one_entry_and_one_file(name: str) -> None:
    """Each entry has its file, whose address is that of the entry's host, over TLS, or of the entry's variable."""
    base = live_provider(name).base(environment(name, "http://127.0.0.1:9"))
    entry = ENTRIES[name]
    assert base == (f"https://{entry.host}" if entry.host else "http://127.0.0.1:9")


def test_every_file_has_an_entry() -> None:
    """A provider whose file nobody lists would never be asked."""
    files = {path.stem for path in (ROOT / "tests/smoke_release/providers").glob("[a-z]*.py")}
    assert files == {name.replace("-", "_") for name in ENTRIES}


@pytest.mark.parametrize("name", ENTRIES)
def test_the_protocol(name: str) -> None:
    """Request and answer in the provider's shape: both questions answered, within the bounds of the entry."""
    with Host(live_provider(name), sum_of) as server:
        shown = ask(name, server)
    assert ENTRIES[name].kind == "memory" or canned_together(shown) == ""
    assert len(server.seen) <= ENTRIES[name].calls
    assert [answer.model for answer in shown if not answer.model] == []
    if ENTRIES[name].kind == "model":
        assert {why_not_live(answer, ENTRIES[name]) for answer in shown} == {""}


def test_two_questions_never_have_one_answer() -> None:
    """However the numbers fall, two right answers differ, and each is the sum that was asked for."""
    for _ in range(300):
        first, second = questions()
        assert first.answer != second.answer
        assert (sum_of(first.prompt), sum_of(second.prompt)) == (first.answer, second.answer)


MODELS = [name for name, entry in ENTRIES.items() if entry.kind == "model"]


@pytest.mark.parametrize("name", MODELS)
def test_every_call_has_a_bound_on_its_tokens(name: str) -> None:
    """The number of the entry is in each request that lets a model speak, wherever this provider wants it."""
    with Host(live_provider(name), sum_of) as server:
        ask(name, server, tokens=11)
    bodies = [json.dumps(request.body) for request in server.seen if request.method == "POST"]
    assert len(bodies) == 2
    assert all(": 11" in body for body in bodies)


@pytest.mark.parametrize("name", [name for name in ENTRIES if ENTRIES[name].host])
def test_loopback_is_no_evidence_of_a_provider(name: str) -> None:
    """Answers that are right in every other way do not count for a provider that has a host of its own."""
    with Host(live_provider(name), sum_of, "http://127.0.0.1:9") as server:
        shown = ask(name, server)
    assert {why_not_live(answer, ENTRIES[name]) for answer in shown if ENTRIES[name].kind == "model"} <= {
        f"{server.base} answered, not {ENTRIES[name].host}"
    }


DOORS = (
    "OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "GEMINI_API_BASE", "SUPERMEMORY_BASE_URL", "ALL_PROXY",
    "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "all_proxy",
)  # fmt: skip


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "supermemory"])
def test_no_variable_is_a_door_to_another_host(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base or a proxy in the environment that points at a willing server brings it no call.

    The address stands for the provider's own host, which must not be asked here: nobody listens there.
    """
    provider = live_provider(name)
    with socket.create_server(("127.0.0.1", 0)) as willing, socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{willing.getsockname()[1]}"
        for door in DOORS:
            monkeypatch.setenv(door, base)
        environ = {**environment(name, base), **dict.fromkeys(DOORS, base)}
        assert provider.base(environ) == f"https://{ENTRIES[name].host}"
        line = Line(f"https://127.0.0.1:{own.getsockname()[1]}", ENTRIES[name])
        with pytest.raises(httpx.ConnectError):
            provider.ask(line, environ, ENTRIES[name].model, "What is 1 plus 1?")
        willing.setblocking(False)
        with pytest.raises(BlockingIOError):
            willing.accept()


@pytest.mark.parametrize("name", MODELS)
def test_canned_answers_are_caught(name: str) -> None:
    """One text for both questions is no evidence, whether the model is trusted to add or not."""
    provider = live_provider(name)
    with Host(provider, lambda _: "Paris") as server:
        if provider.EXACT:
            with pytest.raises(AssertionError):
                ask(name, server)
        else:
            assert "got the same answer" in canned_together(ask(name, server))


@pytest.mark.parametrize("name", MODELS)
def test_echoes_are_caught(name: str) -> None:
    """A server that says what it was told has the sum in none of its answers, or is an echo by the rule."""
    provider = live_provider(name)
    with Host(provider, lambda prompt: prompt) as server:
        if provider.EXACT:
            with pytest.raises(AssertionError):
                ask(name, server)
        else:
            assert "echo their prompt" in canned_together(ask(name, server))


@pytest.fixture
def openai() -> Iterator[Host]:
    """A server that speaks OpenAI's protocol."""
    with Host(live_provider("openai"), sum_of) as server:
        yield server


def test_calls_are_counted(openai: Host) -> None:
    """A call beyond the entry's number is never sent."""
    with pytest.raises(Overrun, match="call 2 of 1 that this provider's entry allows"):
        ask("openai", openai, calls=1)
    assert len(openai.seen) == 1


def test_tokens_are_counted(openai: Host) -> None:
    """An answer that cost more than it might is an error, though it is right."""
    with pytest.raises(Overrun, match="2 tokens of 1"):
        ask("openai", openai, tokens=1)


def test_time_is_bounded() -> None:
    """A host that takes its time is left, however long it would have gone on."""

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("it was waited for")

    line = Line(OPENAI, msgspec.structs.replace(ENTRIES["openai"], seconds=0.2))
    with respx.mock(base_url=OPENAI, assert_all_called=False) as router:
        router.route().mock(side_effect=never)
        with pytest.raises(Overrun, match=r"no whole answer within 0\.2 s"):
            live_provider("openai").ask(line, {"OPENAI_API_KEY": "sk-of-a-test"}, "gpt", "hello")


def test_size_is_bounded() -> None:
    """An answer without end is left, and a question that is too long is never sent."""
    with Host(live_provider("openai"), lambda _: "x" * 100_000) as server:
        with pytest.raises(Overrun, match="an answer of more than 65536 bytes"):
            ask("openai", server)
        with pytest.raises(Overrun, match="a request of more than 2048 bytes"):
            Line(server.base, ENTRIES["openai"]).call("POST", "/", {}, {"x": "y" * 3000})
    assert len(server.seen) == 1


def test_a_redirect_is_not_followed(openai: Host) -> None:
    """A server that sends its callers elsewhere gets no answer counted, and no secret is carried there."""

    class Elsewhere:
        """Sends every caller away."""

        EXACT = True
        base = staticmethod(lambda environ: "")
        ask = staticmethod(live_provider("openai").ask)

        @staticmethod
        def serve(request: Request, think: Think) -> tuple[int, Any]:
            """Answer with a redirect."""
            return 307, {"location": f"{openai.base}{request.path}"}

    with (
        Host(Elsewhere(), sum_of, "https://elsewhere.test") as server,
        pytest.raises(AssertionError, match="status 307"),
    ):
        ask("openai", server)
    assert openai.seen == []
