"""The LiteLLM adapter against a scripted package: shapes, arguments and errors that a real provider rarely shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from mini_agent.app import Ports
from mini_agent.upstreams.litellm.loader import LiteLLMLoader, import_litellm
from mini_agent.upstreams.litellm.sdk import LiteLLMClient
from support.gateway import Gateway, Stage
from support.http_client import events_of
from support.upstream import chunk, completion, finish_chunk


class Package(LiteLLMLoader):
    """Stands for the package: `answer` is called with the arguments of `acompletion`."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any], missing: Sequence[str] = ()) -> None:
        super().__init__()
        self.calls: list[dict[str, Any]] = []
        self._answer = answer
        self._missing = list(missing)

    async def __call__(self) -> Any:
        """Returns: the module."""
        return self

    async def acompletion(self, **arguments: Any) -> Any:
        """Returns: what the script says."""
        self.calls.append(arguments)
        return self._answer(arguments)

    def validate_environment(self, **_: Any) -> dict[str, Any]:
        """Returns: which variables are missing."""
        return {"missing_keys": self._missing}


def routed(stage: Stage, package: Package, config: dict[str, Any] | None = None, **more: Any) -> Gateway:
    """Returns: a gateway whose groups go through the package."""
    ports = replace(
        Ports(), model_clients={"litellm_sdk": lambda _, outside: LiteLLMClient(outside.clock, loader=package)}
    )
    root = {"model_list": [stage.entry(model="mistral/large")]} if config is None else config
    return stage.gateway(root, ports=ports, **more)


async def iterate(items: Sequence[Any]) -> AsyncIterator[Any]:
    """Returns: the items; an exception among them is raised."""
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


def object_of(value: Any) -> Any:
    """Returns: a mapping as an object with attributes, all the way down."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: object_of(item) for key, item in value.items()})
    return [object_of(item) for item in value] if isinstance(value, list) else value


class LiteLLMFailure(Exception):
    """An exception as LiteLLM makes them."""

    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.message, self.status_code = message, status_code


@pytest.mark.parametrize("shape", [dict, object_of], ids=["dict", "object"])
def test_dict_and_object_shaped_answers_come_out_the_same(stage: Stage, shape: Callable[[Any], Any]) -> None:
    """Either shape is a plain completion on the wire."""
    reply = routed(stage, Package(lambda _: shape(completion("hi")))).chat()
    assert (reply.status, reply.text, reply.json()["usage"]["total_tokens"]) == (200, "hi", 7)


@dataclass(slots=True)
class Slotted:
    """A chunk without a dictionary of its own."""

    id: str
    object: str
    created: int
    model: str
    choices: list[dict[str, Any]]


@pytest.mark.parametrize("shape", [dict, object_of, lambda event: Slotted(**event)], ids=["dict", "object", "slots"])
def test_dict_and_object_shaped_chunks_stream(stage: Stage, shape: Callable[[Any], Any]) -> None:
    """Either shape streams, from any async iterator."""
    events = [chunk({"content": "a"}), chunk({"content": "a"}), finish_chunk()]
    reply = routed(stage, Package(lambda _: iterate([shape(event) for event in events]))).chat(stream=True)
    assert events_of(reply.body) == [*events, "[DONE]"]


@pytest.mark.parametrize("answer", [completion("no stream"), None, [chunk({})]])
def test_missing_iterator_is_502(stage: Stage, answer: Any) -> None:
    """A stream that is no async iterator is an invalid provider response, with a status of its own."""
    reply = routed(stage, Package(lambda _: answer)).chat(stream=True)
    assert (reply.status, reply.error["code"]) == (502, "invalid_provider_response")


@pytest.mark.parametrize("answer", [None, "text", {"id": 1}, []])
def test_answer_that_is_no_completion_is_502(stage: Stage, answer: Any) -> None:
    """A plain answer without choices is an invalid provider response."""
    assert routed(stage, Package(lambda _: answer)).chat().error["code"] == "invalid_provider_response"


@pytest.mark.parametrize(
    ("items", "status", "code"),
    [
        ([], 502, "invalid_provider_response"),
        ([None], 502, "invalid_provider_response"),
        (["text"], 502, "invalid_provider_response"),
        ([{"choices": [None]}], 502, "api_error"),
        ([LiteLLMFailure("slow", 429)], 429, "rate_limit_exceeded"),
        ([{"error": {"message": "slow", "code": 429}}], 429, "rate_limit_exceeded"),
    ],
)
def test_failure_before_the_first_chunk_is_never_a_200(stage: Stage, items: list[Any], status: int, code: str) -> None:
    """An iterator that is empty, yields `None` or something odd, or fails at once: an ordinary error."""
    reply = routed(stage, Package(lambda _: iterate(items))).chat(stream=True)
    assert (reply.status, reply.error["code"]) == (status, code)


@pytest.mark.parametrize("items", [[chunk({"content": "a"})], [chunk({"content": "a"}), LiteLLMFailure("gone", 503)]])
def test_stream_that_breaks_off_gives_a_frame(stage: Stage, items: list[Any]) -> None:
    """An end without finish reason and an exception mid-stream are error frames."""
    reply = routed(stage, Package(lambda _: iterate(items))).chat(stream=True)
    first, failure, done = events_of(reply.body)
    assert (first, done) == (chunk({"content": "a"}), "[DONE]")
    assert failure["error"]["code"] in ("invalid_provider_response", "service_unavailable")


def test_call_has_the_resolved_target_and_nothing_of_the_clients_choice(stage: Stage) -> None:
    """Base, key, headers, time and retries come from the entry; parameters are merged; the rest is dropped."""
    package = Package(lambda _: completion("hi"))
    entry = stage.entry(
        model="mistral/large",
        timeout=7,
        max_retries=1,
        temperature=0.5,
        rpm=3,
        extra_headers={"X-Team": "blue"},
        allowed_openai_params=["top_k"],
    )
    gateway = routed(stage, package, {"model_list": [entry]})
    gateway.chat(
        top_k=4, api_key="sk-theirs", api_base="http://evil.invalid", timeout=1, headers={"x-request-id": "r1"}
    )
    (call,) = package.calls
    assert (call["custom_llm_provider"], call["model"]) == ("mistral", "large")
    assert (call["api_base"], call["api_key"]) == (stage.upstream.base, entry["litellm_params"]["api_key"])
    assert (call["timeout"], call["max_retries"], call["temperature"], call["top_k"]) == (7, 1, 0.5, 4)
    headers = {"x-request-id": "r1", "x-mini-agent-hop": "1", "x-sm-user-id": "default-dev", "x-team": "blue"}
    assert call["extra_headers"] == headers
    assert "rpm" not in call


@pytest.mark.parametrize(("configured", "passed"), [(True, True), (False, None)])
def test_drop_params_of_the_file_is_honoured(stage: Stage, configured: bool, passed: bool | None) -> None:
    """`litellm_settings.drop_params` reaches the call, and only when true."""
    package = Package(lambda _: completion("hi"))
    factory = {
        "litellm_sdk": lambda settings, outside: LiteLLMClient(
            outside.clock, drop_params=settings.config.litellm_settings["drop_params"], loader=package
        )
    }
    root = {"model_list": [stage.entry(model="mistral/x")], "litellm_settings": {"drop_params": configured}}
    stage.gateway(root, ports=replace(Ports(), model_clients=factory)).chat()
    assert package.calls[0].get("drop_params") is passed


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (LiteLLMFailure("litellm.APIError: no", 403), 403, "permission_denied"),
        (LiteLLMFailure("litellm.RateLimitError: slow", 429), 429, "rate_limit_exceeded"),
        (LiteLLMFailure("boom\nTraceback (most recent call last):\n  secret place", 500), 502, "api_error"),
        (ConnectionRefusedError("no"), 502, "backend_unavailable"),
        (RuntimeError("whatever"), 502, "api_error"),
    ],
)
def test_exceptions_become_rows_of_the_table(stage: Stage, error: Exception, status: int, code: str) -> None:
    """Any exception of the package is the provider's failure, without traceback and class names in its text."""

    def fail(_: Any) -> Any:
        raise error

    reply = routed(stage, Package(fail)).chat()
    assert (reply.status, reply.error["code"]) == (status, code)
    assert not [word for word in ("Traceback", "secret place", "litellm.") if word in reply.error["message"]]


def test_missing_keys_are_named_before_the_call(stage: Stage) -> None:
    """An unlisted model without credentials names the variables and calls nothing."""
    package = Package(lambda _: completion("hi"), missing=["MISTRAL_API_KEY"])
    reply = routed(stage, package, {}).chat(model="mistral/large")
    assert (reply.status, reply.error["code"]) == (400, "provider_not_configured")
    assert "MISTRAL_API_KEY" in reply.error["message"]
    assert package.calls == []


def test_missing_package_is_400_and_its_import_is_offline(stage: Stage) -> None:
    """Without the optional package its models are refused by its name; the offline switch is set before the import."""
    environ: dict[str, str] = {}
    seen: list[str | None] = []

    def absent(name: str) -> Any:
        seen.append(environ.get("LITELLM_LOCAL_MODEL_COST_MAP"))
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    class Absent(LiteLLMLoader):
        async def __call__(self) -> Any:
            return import_litellm(environ, absent)

    ports = replace(Ports(), model_clients={"litellm_sdk": lambda _, o: LiteLLMClient(o.clock, loader=Absent())})
    reply = stage.gateway({"model_list": [stage.entry(model="mistral/x")]}, ports=ports).chat()
    assert (reply.status, reply.error["code"], seen) == (400, "provider_not_configured", ["True"])
    assert "'litellm'" in reply.error["message"]
