"""The turn loop: model, tools, model, until there is an answer or a limit (GATEWAY 5)."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mini_agent.agent.answers import Answer, RawCall, normalise
from mini_agent.agent.batch import Batch, outputs
from mini_agent.agent.calls import AllowList, PlannedCall, plan
from mini_agent.agent.codeblocks import first_code_block
from mini_agent.agent.deadline import Deadline, DeadlineExpired
from mini_agent.agent.history import prune
from mini_agent.agent.ports import ModelClient, ToolInvoker
from mini_agent.agent.records import preview
from mini_agent.agent.state import Outcome, RunState, copy_messages
from mini_agent.agent.tool_values import ToolListingFailed
from mini_agent.agent.triggers import says_budget_exceeded, says_unsure
from mini_agent.agent.values import AgentConfig, AgentResult, Message, ModelRequest
from mini_agent.core.errors import GatewayError, ProviderFailed
from mini_agent.core.ports import SYSTEM_CLOCK, Clock

T = TypeVar("T")

#: Adds retrieved memory to the model's view: gets a copy of the conversation, returns the list to prune and send.
ViewInjection = Callable[[list[Message]], list[Message]]

_log = logging.getLogger("mini_agent.agent")

NUDGE_ANSWER = "Your last message was empty. Please give the answer."
NUDGE_CODE = "Your last message was empty. Please answer with runnable Python in one fenced ```python code block."
OBSERVE_UNSURE = "Observation: Model is unsure. Use available research tools to find out, then answer."
OBSERVE_ESCALATION = "Observation: Budget exceeded. Escalating to a stronger model for the next answer."
OBSERVE_FAILURE = (
    "Observation from last tool run (preview):\n{preview}\n"
    "At least one tool call failed. Please fix the cause and retry."
)


async def run(
    config: AgentConfig,
    messages: Sequence[Mapping[str, Any]],
    model_client: ModelClient,
    tools: ToolInvoker,
    *,
    clock: Clock = SYSTEM_CLOCK,
    inject: ViewInjection | None = None,
) -> AgentResult:
    """Run one agent.

    config: options. messages: the conversation so far, copied and never changed. model_client, tools: the two ports;
    the caller closes them. clock: monotonic time, by default the machine's. inject: adds memory to what the model sees,
    never to the recorded conversation.

    Returns: the result; a used-up limit is a result too.
    Raises: TypeError when a message is no object; any `GatewayError` of the model client, except in a granted
    escalated call; a `GatewayError` of the listing, such as a missing optional package.
    """
    state = RunState(config, copy_messages(messages), clock)
    return await _Run(state, model_client, tools, inject).execute()


def run_sync(
    config: AgentConfig,
    messages: Sequence[Mapping[str, Any]],
    model_client: ModelClient,
    tools: ToolInvoker,
    *,
    clock: Clock = SYSTEM_CLOCK,
    inject: ViewInjection | None = None,
) -> AgentResult:
    """Run one agent and wait for it, also from a thread whose event loop is running.

    The run gets a loop of its own. What the tools open there cannot outlive that loop, so tools that have `aclose` are
    closed at the end. Arguments, result and errors are those of `run`.
    """

    async def whole() -> AgentResult:
        try:
            return await run(config, messages, model_client, tools, clock=clock, inject=inject)
        finally:
            aclose = getattr(tools, "aclose", None)
            if aclose is not None:
                await aclose()

    return _on_private_loop(whole)


def _on_private_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="mini-agent-run-sync") as pool:
        return pool.submit(context.run, asyncio.run, main()).result()


class _Run:
    """One run in progress: asks, sorts, runs, concludes. What it knows is in its state."""

    def __init__(self, state: RunState, model: ModelClient, tools: ToolInvoker, inject: ViewInjection | None) -> None:
        self._state = state
        self._config = state.config
        self._model = model
        self._tools = tools
        self._inject = inject
        self._deadline = Deadline(state.clock, state.config.max_total_seconds)
        self._specs: list[dict[str, Any]] = []
        self._listed = AllowList(())
        self._offered = AllowList(())

    async def execute(self) -> AgentResult:
        """Returns: the result of the run."""
        try:
            outcome = await self._turns()
        except DeadlineExpired:
            outcome = Outcome("budget", None)
        if outcome.reason != "success" and self._state.may_escalate:
            outcome = await self._granted(outcome)
        return self._state.result(outcome)

    async def _turns(self) -> Outcome:
        for turn in range(self._config.max_iterations):
            if turn == 0 and (self._config.use_tools or self._config.auto_run_code_on_code_block):
                await self._list_tools()
            outcome = await self._turn()
            if outcome is not None:
                return outcome
        if self._state.last_outputs is not None:
            return Outcome("success", self._state.last_outputs)
        return Outcome("max_iterations", None)

    async def _list_tools(self) -> None:
        try:
            self._specs = list(await self._deadline.run(self._tools.list_tools()))
        except (DeadlineExpired, GatewayError):
            raise
        except Exception as error:  # noqa: BLE001 - no failure of a listing may end a run, and each one is logged
            text = error.log_text if isinstance(error, ToolListingFailed) else type(error).__name__
            _log.warning("tool listing failed, the run continues without tools: %s", text)
        self._listed = AllowList(self._specs)
        # What was not offered is not run, whatever the backend could do.
        self._offered = AllowList(self._specs if self._config.use_tools else ())

    async def _turn(self) -> Outcome | None:
        state = self._state
        state.last_outputs = None
        answer = await self._ask(self._deadline, escalated=state.escalate_next, with_tools=True)
        calls = plan(answer.calls, self._offered)
        auto_run = self._auto_run_call(answer, calls)
        if auto_run is not None:
            calls.append(auto_run)
        state.messages.append(answer.message)
        if calls:
            return await self._run_tools(calls, auto_run is not None)
        return self._conclude(answer)

    async def _ask(self, deadline: Deadline, *, escalated: bool, with_tools: bool) -> Answer:
        """Make one model call; it is counted from the moment it is issued."""
        deadline.check()
        model = self._state.escalation_model if escalated else self._config.model
        request = self._request(model, with_tools)
        with self._state.model_call(model, escalated):
            answer = await deadline.run(self._complete(request))
        return self._state.adopt(normalise(answer, self._state.call_ids))

    async def _complete(self, request: ModelRequest) -> object:
        try:
            return await self._model.complete(request)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ProviderFailed("the model call was cancelled by its client") from error

    def _request(self, model: str, with_tools: bool) -> ModelRequest:
        view = copy_messages(self._state.messages)
        if self._inject is not None:
            view = self._inject(view)
        params = copy_messages([self._config.completion_kwargs])[0]
        choice = params.pop("tool_choice", None)
        if self._state.ran_tools and choice not in ("auto", "none"):
            choice = "auto"  # A model that must call a tool every time can never answer.
        offered = copy_messages(self._specs) if with_tools and self._config.use_tools and self._specs else None
        return ModelRequest(
            model=model,
            messages=prune(view, self._config.max_history_messages, self._config.hard_char_budget),
            tools=offered,
            tool_choice=(choice or "auto") if offered else None,
            params=params,
        )

    def _auto_run_call(self, answer: Answer, calls: Sequence[PlannedCall]) -> PlannedCall | None:
        """Turn the first fenced block into a call, recorded in the answer's message as if the model had made it."""
        if not self._config.auto_run_code_on_code_block or any(not call.refused for call in calls):
            return None
        block = first_code_block(answer.text)
        # A tool that was not listed must not run through the back door either: then the text is just an answer.
        if block is None or block.tool_name not in self._listed:
            return None
        raw = RawCall(self._state.next_auto_id(), block.tool_name, block.arguments_json())
        function = {"name": raw.name, "arguments": raw.arguments}
        answer.message.setdefault("tool_calls", []).append({"id": raw.id, "type": "function", "function": function})
        return PlannedCall(index=len(calls), id=raw.id, name=raw.name, arguments=raw.arguments)

    async def _run_tools(self, calls: Sequence[PlannedCall], auto_run: bool) -> Outcome | None:
        config, state = self._config, self._state
        batch = Batch(calls, config.max_tools_per_iter, state.last_model)
        expired = False
        try:
            if batch.to_run:
                self._deadline.check()
                await self._deadline.run(batch.run(self._tools, state.clock, config.tool_concurrency))
        except DeadlineExpired:
            expired = True
        replies, records = batch.close()
        state.messages.extend(replies)
        state.add_records(records)
        if expired:
            raise DeadlineExpired
        if not any(record.executed for record in records):
            return None
        if all(record.ok for record in records):
            state.last_outputs = outputs(records)
            if state.last_outputs and (auto_run or config.stop_on_tool_success):
                return Outcome("success", state.last_outputs)
        elif config.enable_repair:
            state.say("assistant", OBSERVE_FAILURE.format(preview=preview(records)))
        return None

    def _conclude(self, answer: Answer) -> Outcome | None:
        """Judge an answer without tool calls: the first matching row of the table in GATEWAY 5.2."""
        config, state, text = self._config, self._state, answer.text
        content = answer.message["content"]
        if isinstance(content, dict):
            return Outcome("success", None)
        if not text.strip():
            state.say("user", NUDGE_CODE if config.auto_run_code_on_code_block else NUDGE_ANSWER)
        elif state.may_escalate and says_budget_exceeded(text):
            state.say("assistant", OBSERVE_ESCALATION)
            state.escalate_next = True
        elif config.research_on_unsure and state.research_hops < config.max_research_hops and says_unsure(text):
            state.say("assistant", OBSERVE_UNSURE)
            state.research_hops += 1
        else:
            return Outcome("success", text)
        return None

    async def _granted(self, outcome: Outcome) -> Outcome:
        """Issue the one escalated call after a limit. Its failure leaves the outcome as it was."""
        state, config = self._state, self._config
        deadline = Deadline(state.clock, config.escalation_timeout_s)
        try:
            answer = await self._ask(deadline, escalated=True, with_tools=False)
        except DeadlineExpired:
            _log.warning("the granted escalated call took longer than its time")
            return outcome
        except Exception as error:  # noqa: BLE001 - by contract its failure keeps the outcome; it is logged
            _log.warning("the granted escalated call failed: %s", type(error).__name__)
            return outcome
        state.messages.append(answer.message)
        if answer.calls:
            # It was offered no tools: what it calls nevertheless is refused, so that every call has its reply.
            replies, records = Batch(plan(answer.calls, AllowList(())), 0, state.last_model).close()
            state.messages.extend(replies)
            state.add_records(records)
        return Outcome("success", answer.text) if answer.text.strip() else outcome
