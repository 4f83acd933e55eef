"""Running the calls of one turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from mini_agent.agent.calls import PlannedCall
from mini_agent.agent.ports import ToolInvoker
from mini_agent.agent.records import (
    NOT_EXECUTED_LIMIT,
    NOT_EXECUTED_TIME,
    failure_record,
    message_text,
    output_text,
    record_from,
)
from mini_agent.agent.tool_values import ToolRecord
from mini_agent.agent.values import Message
from mini_agent.core.ports import Clock


@dataclass(slots=True)
class Batch:
    """The calls of one turn, their records so far, and the replies they get.

    limit: how many executable calls run. model: the model that asked.
    """

    calls: Sequence[PlannedCall]
    limit: int
    model: str
    _records: dict[int, ToolRecord] = field(default_factory=dict)

    @property
    def to_run(self) -> list[PlannedCall]:
        """Returns: the calls that run, in order."""
        return [call for call in self.calls if not call.refused][: self.limit]

    async def run(self, tools: ToolInvoker, clock: Clock, concurrency: int) -> None:
        """Run the calls, at most `concurrency` at a time. When cancelled, finished calls keep their records."""
        waiting = iter(self.to_run)

        async def worker() -> None:
            for call in waiting:
                self._records[call.index] = await self._invoke(tools, clock, call)

        workers = min(concurrency, len(self.to_run))
        if workers <= 1:
            await worker()
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())

    async def _invoke(self, tools: ToolInvoker, clock: Clock, call: PlannedCall) -> ToolRecord:
        started = clock.monotonic()
        try:
            answer: object = await tools.call(call.payload())
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancelled this run: the tool's own machinery did, which is a failure of the tool.
            return self._failed(call, "tool call was cancelled", clock.monotonic() - started)
        except Exception as error:  # noqa: BLE001 - an invoker's exception is a failed call, never a failed run
            return self._failed(call, str(error) or type(error).__name__, clock.monotonic() - started)
        return record_from(call, answer, model=self.model, t_ms=_ms(clock.monotonic() - started))

    def _failed(self, call: PlannedCall, error: str, seconds: float) -> ToolRecord:
        return failure_record(call, error, model=self.model, t_ms=_ms(seconds), executed=True)

    def close(self) -> tuple[list[Message], list[ToolRecord]]:
        """Answer every call of the turn.

        Returns: one tool message per call in call order, and the records; a call beyond the limit has no record.
        """
        planned = {call.index for call in self.to_run}
        messages: list[Message] = []
        records: list[ToolRecord] = []
        for call in self.calls:
            record = self._record_of(call, planned)
            text = NOT_EXECUTED_LIMIT if record is None else message_text(record)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
            if record is not None:
                records.append(record)
        return messages, records

    def _record_of(self, call: PlannedCall, planned: set[int]) -> ToolRecord | None:
        if call.refused:
            return failure_record(call, f"unsupported tool '{call.name}'", model=self.model, executed=False)
        if call.index not in planned:
            return None
        if call.index in self._records:
            return self._records[call.index]
        return failure_record(call, NOT_EXECUTED_TIME, model=self.model, executed=False)


def outputs(records: Sequence[ToolRecord]) -> str:
    """Returns: the outputs of successful records joined by newline, empty ones left out."""
    return "\n".join(text for text in map(output_text, records) if text)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
