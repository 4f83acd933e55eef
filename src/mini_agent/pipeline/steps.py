"""The pipeline: an ordered list of steps, built once. What an operator has not switched on is not in the list.

Everything happens in the caller's dialect; where the provider speaks another one, its client translates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from mini_agent.core.chat import ModelTarget, ProviderRequest
from mini_agent.dialects import Dialect
from mini_agent.dialects.editing import spoken, without_seals
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.memory.recall import Recall
from mini_agent.pipeline.call import Call
from mini_agent.pipeline.caller import next_hop, protocol_headers, protocol_prefix
from mini_agent.pipeline.compaction import Compact
from mini_agent.pipeline.continuing import Continue, Keep
from mini_agent.pipeline.endpoints import FIELDS, CountTokens, RememberPrompt, parse_endpoint, without_conversation
from mini_agent.pipeline.flow import Flow, Step
from mini_agent.pipeline.parameters import Rules, outgoing_body, parse_body
from mini_agent.pipeline.services import ModelServices
from mini_agent.runs.tool_chat import ToolChat
from mini_agent.upstreams.endpoints import Endpoint
from mini_agent.upstreams.protocol import ModelClient
from mini_agent.upstreams.speaking import DROPPED_HEADER, dropped_names


def build_steps(services: ModelServices, dialect: Dialect) -> Sequence[Step]:
    """Returns: what happens to a request for a model, in order. dialect: of its caller."""
    steps: list[Step] = [Admit(services), User(services)]
    if dialect is Dialect.RESPONSES:
        steps.append(Continue(services.store))
    if services.recall is not None:
        steps.append(Remember(services.recall))
    if services.chat_tools.any:
        steps.append(OfferTools(services))
    if dialect is Dialect.RESPONSES or (dialect is Dialect.CHAT and services.settings.stored_entries):
        steps.append(Keep(services))
    return [*steps, Call(services)]


def embedding_steps(services: ModelServices) -> Sequence[Step]:
    """Returns: what happens to a request for vectors."""
    return [Admit(services, Endpoint.EMBEDDINGS), User(services), Call(services)]


def completion_steps(services: ModelServices) -> Sequence[Step]:
    """Returns: what happens to a request for the rest of a text."""
    remember = [RememberPrompt(services.recall)] if services.recall is not None else []
    return [Admit(services, Endpoint.COMPLETIONS), User(services), *remember, Call(services)]


def counting_steps(services: ModelServices) -> Sequence[Step]:
    """Returns: what happens to a request for a count of its tokens. Memory is not asked, and adds none."""
    return [Admit(services), User(services), CountTokens(services), Call(services)]


def compaction_steps(services: ModelServices) -> Sequence[Step]:
    """Returns: what happens to a conversation that is to be made shorter."""
    return [Admit(services), User(services), Continue(services.store), Compact(services), Call(services)]


class _Plan(NamedTuple):
    """What is the same for all requests of a dialect for a model. prefix: of its protocol's own headers."""

    target: ModelTarget
    client: ModelClient
    rules: Rules
    prefix: bytes | None
    header: tuple[bytes, bytes]


class Admit:
    """Key, hops, size, JSON, fields, model guard, parameters: what a request is refused for, whoever sends it.

    kind: the endpoint that is asked, None for a conversation.
    """

    def __init__(self, services: ModelServices, kind: Endpoint | None = None) -> None:
        self._services = services
        self._kind = kind
        #: Of the configured groups: there are as many as the operator has written.
        self._plans: dict[tuple[str, Dialect], _Plan] = {}

    async def __call__(self, flow: Flow) -> None:
        """Find out who answers, and with what parameters."""
        services, headers, kind = self._services, flow.exchange.headers, self._kind
        services.guard.check(headers)
        flow.hop = next_hop(headers)
        given = await services.reader.read_object(flow.receive, headers)
        asked = parse_body(given, flow.dialect) if kind is None else parse_endpoint(given, kind)
        flow.stream = asked.stream
        plan = self._plans.get((asked.model, flow.dialect)) or self._plan(asked.model, flow.dialect)
        flow.target, flow.client = plan.target, plan.client
        flow.protocol_headers = protocol_headers(headers, plan.prefix)
        flow.exchange.model = plan.target.group
        flow.headers.append(plan.header)
        body, dropped = outgoing_body(asked.fields, plan.rules)
        if kind is not None:
            body, kept_back = without_conversation(body, asked.fields, plan.rules)
            dropped += kept_back
        elif plan.target.dialect == flow.dialect:
            body = without_seals(body)
        flow.body = body
        if dropped:
            flow.headers.append((DROPPED_HEADER, dropped_names(sorted(dropped))))

    def _plan(self, model: str, caller: Dialect) -> _Plan:
        services, kind = self._services, self._kind
        target = services.target(model)
        client = services.clients.of(target, caller) if kind is None else services.endpoints.of(target, kind)
        names = None if kind is None else FIELDS[kind].keys()
        rules = Rules.of(target, caller, passes_unknown=client.capabilities.passes_unknown, names=names)
        header = (b"x-mini-agent-provider", client.name.encode())
        plan = _Plan(target, client, rules, protocol_prefix(caller, target), header)
        if target.group == model:
            self._plans[model, caller] = plan
        return plan


class User:
    """Whose request it is: whose memory and cookies are used, and what goes along to providers."""

    def __init__(self, services: ModelServices) -> None:
        self._callers = services.callers

    async def __call__(self, flow: Flow) -> None:
        """Make the request."""
        flow.request = ProviderRequest(
            target=flow.target,
            body=flow.body,
            caller=self._callers.of(flow.exchange, flow.hop),
            query=flow.scope.get("query_string", b"").decode("latin-1"),
            protocol_headers=flow.protocol_headers,
            on_response_headers=flow.headers.extend,
        )


class Remember:
    """What the memory service knows, put into the request."""

    def __init__(self, recall: Recall) -> None:
        self._recall = recall

    async def __call__(self, flow: Flow) -> None:
        """Ask, once per request; scripts need no memory."""
        request, able = flow.request, flow.client.capabilities
        if able.simulated:
            return
        async with CancelOnDisconnect(flow.scope, flow.receive):
            inject = await self._recall.injection(request.caller, request.target, _said(request, flow.dialect))
        if inject is None or able.runs_agent:
            flow.request = replace(request, inject=inject)
        else:
            flow.request = replace(request, body=inject.into(request.body, flow.dialect))


class OfferTools:
    """The tools that the gateway adds to a request and runs itself."""

    def __init__(self, services: ModelServices) -> None:
        self._services = services

    async def __call__(self, flow: Flow) -> None:
        """Put what runs the calls around the client, if this request gets tools."""
        services, client, request = self._services, flow.client, flow.request
        if not client.capabilities.takes_tools or (tools := services.chat_tools.of(request)) is None:
            return
        options = services.settings.config.tool_execution
        flow.client = ToolChat(
            client,
            tools,
            flow.dialect,
            lambda: services.clients.interpreter.own_reply(request, flow.dialect),
            max_iterations=options.max_iterations,
            timeout_s=options.timeout_per_tool,
            log=services.log,
        )


def _said(request: ProviderRequest, dialect: Dialect) -> Sequence[dict[str, Any]]:
    """Returns: the conversation as messages of chat, at least their texts."""
    if dialect is Dialect.CHAT:
        messages: list[dict[str, Any]] = request.body["messages"]
        return messages
    return [{"role": turn.role, "content": turn.text} for turn in spoken(request.body, dialect)]
