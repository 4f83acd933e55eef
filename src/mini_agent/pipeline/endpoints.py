"""Steps of requests that are no conversation: vectors, the rest of a text, counts of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from mini_agent.core.chat import ProviderRequest, text_of
from mini_agent.core.errors import GatewayError, InvalidParameter, MissingParameter
from mini_agent.dialects import Dialect
from mini_agent.dialects.estimate import estimate_tokens
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.memory.recall import Recall
from mini_agent.pipeline.flow import Flow
from mini_agent.pipeline.parameters import CLIENT_PARAMETERS, ModelBody, Rules, check_types
from mini_agent.pipeline.services import ModelServices
from mini_agent.upstreams.endpoints import Endpoint
from mini_agent.upstreams.protocol import Around, ModelClient, decode_answer

#: Says that a count is our own guess.
ESTIMATED_HEADER = b"x-mini-agent-estimated"
_NUMBER = (int, float)

#: What of each endpoint is checked here, and passes to every provider; the first two are required.
FIELDS: Mapping[Endpoint, Mapping[str, tuple[type, ...]]] = {
    Endpoint.EMBEDDINGS: {
        "model": (str,),
        "input": (str, list),
        "dimensions": (int,),
        "encoding_format": (str,),
        "user": (str,),
    },
    Endpoint.COMPLETIONS: {
        "model": (str,),
        "prompt": (str, list),
        "best_of": (int,),
        "echo": (bool,),
        "frequency_penalty": _NUMBER,
        "logit_bias": (dict,),
        "logprobs": (int,),
        "max_tokens": (int,),
        "n": (int,),
        "presence_penalty": _NUMBER,
        "seed": (int,),
        "stop": (str, list),
        "stream": (bool,),
        "stream_options": (dict,),
        "suffix": (str,),
        "temperature": _NUMBER,
        "top_p": _NUMBER,
        "user": (str,),
    },
}
#: What a request of Messages says that no server counts, and some refuse to.
_NOT_COUNTED = frozenset("max_tokens stream temperature top_p top_k stop_sequences metadata service_tier".split())
#: What OpenAI counts of a request of Responses.
_COUNTED = frozenset("input instructions parallel_tool_calls reasoning text tool_choice tools truncation".split())
#: Answers of servers that do not count.
_NO_SUCH_ROUTE = frozenset({404, 405, 501})


def parse_endpoint(body: Mapping[str, Any], kind: Endpoint) -> ModelBody:
    """Check a decoded body. Returns: the request. Raises: MissingParameter, InvalidParameter; both name it."""
    fields = FIELDS[kind]
    for name in list(fields)[:2]:
        value = body.get(name)
        if value is None or value == [] or (value == "" and name != "prompt"):
            raise MissingParameter(f"Missing required parameter: '{name}'", param=name)
    check_types(body, fields)
    if (size := body.get("dimensions")) is not None and size < 1:
        raise InvalidParameter("Invalid 'dimensions': expected at least 1", param="dimensions")
    return ModelBody(model=body["model"], stream="stream" in fields and body.get("stream") is True, fields=body)


def without_conversation(
    body: dict[str, Any], asked: Mapping[str, Any], rules: Rules
) -> tuple[dict[str, Any], set[str]]:
    """Take out of a body what an entry says of conversations, and what it keeps back whatever the provider speaks.

    body: with the entry's defaults. asked: as the client sent it. Returns: the body, and what was kept back.
    """
    kept_back = body.keys() & rules.target.dropped
    foreign = (CLIENT_PARAMETERS - rules.names - asked.keys()) | kept_back
    return {name: value for name, value in body.items() if name not in foreign}, kept_back


class RememberPrompt:
    """What the memory service knows, put in front of a prompt that is a text."""

    def __init__(self, recall: Recall) -> None:
        self._recall = recall

    async def __call__(self, flow: Flow) -> None:
        """Ask, once per request; scripts need no memory."""
        request, prompt = flow.request, flow.request.body["prompt"]
        if flow.client.capabilities.simulated or not isinstance(prompt, str):
            return
        said = [{"role": "user", "content": prompt}]
        async with CancelOnDisconnect(flow.scope, flow.receive):
            inject = await self._recall.injection(request.caller, request.target, said)
        if inject is not None:
            text = "\n\n".join(text_of(message["content"]) for message in inject(said))
            flow.request = replace(request, body={**request.body, "prompt": text})


class CountTokens:
    """Put in the client's place what counts: the provider, where it does, or our estimate, which says so."""

    def __init__(self, services: ModelServices) -> None:
        self._services = services

    async def __call__(self, flow: Flow) -> None:
        """Replace the client."""
        flow.stream = False
        flow.client = _Counting(self._services, flow)


class _Counting(Around):
    """Counts the tokens of a request of Messages. flow: of the request."""

    def __init__(self, services: ModelServices, flow: Flow) -> None:
        super().__init__(flow.client)
        self._services = services
        self._headers = flow.headers

    async def complete(self, request: ProviderRequest) -> bytes:
        """Count. Returns: the count as Anthropic writes it. Raises: GatewayError."""
        client, asked = self._asked(request)
        if client is not None:
            try:
                raw = await client.complete(asked)
            except GatewayError as error:
                if error.status not in _NO_SUCH_ROUTE:
                    raise
            else:
                return msgspec.json.encode({"input_tokens": decode_answer(raw)["input_tokens"]})
        self._headers.append((ESTIMATED_HEADER, b"input_tokens"))
        return msgspec.json.encode({"input_tokens": estimate_tokens(request.body), "estimated": True})

    def _asked(self, request: ProviderRequest) -> tuple[ModelClient | None, ProviderRequest]:
        """Returns: who counts, None where nobody does, and what is asked there."""
        find, target = self._services.endpoints.find, request.target
        body = {name: value for name, value in request.body.items() if name not in _NOT_COUNTED}
        if (client := find(target, Endpoint.COUNT)) is not None:
            return client, replace(request, body=body)
        client = find(target, Endpoint.INPUT_TOKENS)
        if client is None:
            return None, request
        whole = replace(request, body={**body, "max_tokens": 1}, on_response_headers=None)
        interpreter = self._services.clients.interpreter
        written = interpreter.translate(whole, Dialect.MESSAGES, Dialect(target.dialect)).body
        return client, replace(request, body={name: value for name, value in written.items() if name in _COUNTED})
