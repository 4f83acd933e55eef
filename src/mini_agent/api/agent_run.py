"""`POST /agent/run`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from mini_agent.agent.values import AgentResult, ModelRequest, RunMetrics
from mini_agent.api.agent_services import AgentServices
from mini_agent.core.chat import Caller, ModelTarget
from mini_agent.dialects.frames import RUN_EVENTS
from mini_agent.edge.disconnect import CancelOnDisconnect
from mini_agent.edge.exchange import EXCHANGE, Exchange, Receive, Scope, Send, send_body
from mini_agent.memory.recall import Injection
from mini_agent.pipeline.caller import next_hop
from mini_agent.pipeline.streaming import write_stream
from mini_agent.runs.agent_body import AgentBody, normalising, parse_agent_body
from mini_agent.runs.loop_model import LoopModel
from mini_agent.runs.run_events import RunEvents, ToldTools
from mini_agent.tools.backends import TOOL_BACKENDS
from mini_agent.upstreams.scripted import dummy_reply

#: Events that a slow reader lets pile up before the run waits.
_WAITING_EVENTS = 100


class AgentRoute:
    """Authentication, size, JSON, fields, guard, run, trace: in this order."""

    def __init__(self, services: AgentServices) -> None:
        self._agent = services
        self._chat = services.chat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one run. Raises: GatewayError before anything was sent; ClientDisconnected."""
        chat = self._chat
        exchange: Exchange = scope[EXCHANGE]
        chat.guard.check(exchange.headers)
        hop = next_hop(exchange.headers)
        body = parse_agent_body(await chat.reader.read_object(receive, exchange.headers))
        target = self._guard(body)
        exchange.model = target.group
        caller = chat.callers.of(exchange, hop)
        headers = [(b"x-mini-agent-provider", chat.clients.of(target).name.encode())]
        if body.stream:
            await self._stream(self._events(body, caller), scope, receive, send, headers)
            return
        async with CancelOnDisconnect(scope, receive):
            answer = await self._answer(body, caller)
        await send_body(send, msgspec.json.encode(answer), headers=headers)

    async def _stream(
        self,
        events: AsyncGenerator[Sequence[bytes], None],
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        chat, request_id = self._chat, scope[EXCHANGE].request_id
        await write_stream(
            events,
            scope,
            receive,
            send,
            headers=headers,
            clock=chat.clock,
            keep_alive_s=chat.settings.keep_alive_s,
            on_error=lambda error: chat.tell("run failed", error, request_id),
            framing=RUN_EVENTS,
        )

    async def _events(self, body: AgentBody, caller: Caller) -> AsyncGenerator[Sequence[bytes], None]:
        """Run, and tell of it. Returns: the events, the usual answer as the last one. Raises: GatewayError."""
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_WAITING_EVENTS)
        run = asyncio.get_running_loop().create_task(self._answer(body, caller, RunEvents(events.put)))
        run.add_done_callback(lambda _: None if events.full() else events.put_nowait(None))
        try:
            while not (run.done() and events.empty()):
                if (event := await events.get()) is not None:
                    yield [msgspec.json.encode(event)]
            yield [msgspec.json.encode(run.result())]
        finally:
            run.cancel()
            await asyncio.wait([run])

    async def _answer(self, body: AgentBody, caller: Caller, events: RunEvents | None = None) -> dict[str, Any]:
        """Run, count and trace. Returns: the answer. Raises: GatewayError."""
        chat = self._chat
        if chat.settings.shim_delay_ms:
            await chat.clock.sleep(chat.settings.shim_delay_ms / 1000)
        result = await self._result(body, caller, events)
        chat.metrics.agent_run(body.backend, result.stopped_reason)
        answer = result.response_body()
        self._agent.traces.store(answer, result, body, caller.request_id)
        return answer

    def _guard(self, body: AgentBody) -> ModelTarget:
        """Resolve every model of the run before any network use. Returns: the target of the base model."""
        registry = self._chat.registry
        target = registry.resolve(body.model)
        if body.escalate_model and body.escalates and not self._short_circuits(body):
            registry.resolve(body.escalate_model)
        return target

    def _short_circuits(self, body: AgentBody) -> bool:
        """Returns: whether the simulated escalation of GATEWAY 5.7 answers."""
        settings = self._chat.settings
        canned = TOOL_BACKENDS[body.backend].canned
        simulated = settings.shortcircuit_chutes and settings.shim_mode != "block" and canned
        return simulated and body.escalates and (body.escalate_model or "").startswith("chutes/")

    async def _result(self, body: AgentBody, caller: Caller, events: RunEvents | None) -> AgentResult:
        chat, backend = self._chat, TOOL_BACKENDS[body.backend]
        if self._short_circuits(body):
            return _instant("", model=body.escalate_model or "", escalated=True, messages=list(body.messages))
        if backend.canned and chat.registry.is_open_dummy(body.model):
            iterations = 1 if body.max_iterations is None else body.iterations
            return _instant(dummy_reply(body.messages), model=body.model, iterations=iterations)
        model = self._agent.runs.model(chat.registry.resolve, caller, events)
        if not backend.loops:
            return await self._echo(body, model, await self._injection(body, caller))
        with normalising():
            config = body.config(chat.settings.escalation_timeout_s)
            tools = self._agent.runs.tools(body.tool_request(caller.user_id))
        if events is not None:
            tools = ToldTools(tools, events)
        return await self._agent.runs.run(
            config, body.messages, model, tools, memory=lambda: self._injection(body, caller)
        )

    async def _injection(self, body: AgentBody, caller: Caller) -> Injection | None:
        """Ask memory, once per run."""
        recall, target = self._chat.recall, self._chat.registry.resolve(body.model)
        if recall is None or self._chat.clients.of(target).capabilities.simulated:
            return None
        return await recall.injection(caller, target, body.messages)

    async def _echo(self, body: AgentBody, model: LoopModel, inject: Injection | None) -> AgentResult:
        started = self._chat.clock.monotonic()
        messages = list(body.messages) if inject is None else inject(body.messages)
        answer = await model.complete(ModelRequest(model=body.model, messages=messages))
        text = _content(answer.payload)
        elapsed_ms = round((self._chat.clock.monotonic() - started) * 1000, 3)
        return _instant(text, model=body.model, simulated=answer.simulated, elapsed_ms=elapsed_ms)


def _content(completion: Any) -> str:
    choices = completion.get("choices") if isinstance(completion, dict) else None
    message = choices[0].get("message") if choices and isinstance(choices[0], dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if content is None:
        return ""
    return content if isinstance(content, str) else msgspec.json.encode(content).decode()


def _instant(
    text: str,
    *,
    model: str,
    iterations: int = 0,
    escalated: bool = False,
    simulated: bool = True,
    elapsed_ms: float = 0.0,
    messages: list[dict[str, Any]] | None = None,
) -> AgentResult:
    """Build the result of a run without a loop: a success with one assistant message unless `messages` says more."""
    metrics = RunMetrics(
        iterations=iterations, ttotal_ms=elapsed_ms, escalated=escalated, used_model=model, simulated=simulated
    )
    return AgentResult(
        messages=[{"role": "assistant", "content": text}] if messages is None else messages,
        final_answer=text,
        stopped_reason="success",
        iterations=(),
        metrics=metrics,
    )
