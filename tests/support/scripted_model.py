"""A model client that answers from a script and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from mini_agent.agent.values import ModelRequest

Answer = Any


def says(content: Any) -> dict[str, Any]:
    """Returns: an answer with content and no tool calls."""
    return {"role": "assistant", "content": content}


def asks(*calls: tuple[str, Any] | tuple[str, Any, str], content: str | None = None) -> dict[str, Any]:
    """Returns: an answer with tool calls. Each is (name, arguments[, id]); arguments that are no string become JSON."""
    made: list[dict[str, Any]] = []
    for number, (name, arguments, *rest) in enumerate(calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call_id = rest[0] if rest else f"c{number}"
        made.append({"id": call_id, "type": "function", "function": {"name": name, "arguments": text}})
    return {"role": "assistant", "content": content, "tool_calls": made}


def completion(message: dict[str, Any]) -> dict[str, Any]:
    """Returns: a whole chat completion around a message."""
    return {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}


class Hanging:
    """An answer that never comes. started: set when it was asked for. cancelled: True once the wait was cancelled.

    stubborn: True swallows every cancellation, like a client that waits in a `finally`, until `release` is set.
    """

    def __init__(self, *, stubborn: bool = False) -> None:
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = False
        self._stubborn = stubborn

    async def __call__(self, _: ModelRequest) -> Answer:
        """Wait for `release`."""
        self.started.set()
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                if not self._stubborn:
                    raise
        return says("too late")


class ScriptedModel:
    """Answers in order: a value is returned, an exception raised, a callable called with the request (and awaited).

    requests: everything it was asked. With `repeat`, the last answer is given again for ever.
    """

    def __init__(self, *answers: Answer, repeat: bool = False) -> None:
        self._answers = list(answers)
        self._repeat = repeat
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> object:
        """Returns: the next answer. Raises: the next one if it is an exception; AssertionError when none is left."""
        self.requests.append(request)
        if not self._answers:
            raise AssertionError("the script has no further answer")
        answer = self._answers[0] if self._repeat and len(self._answers) == 1 else self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if not callable(answer):
            return answer
        made: Callable[[ModelRequest], Answer] = answer
        result = made(request)
        return await result if isinstance(result, Awaitable) else result
