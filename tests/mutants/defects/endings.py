"""Reasons of the end that are lost or wrong; bounds and stop texts that do not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mutants.change import put, put_events
from mutants.healthy import SPOKEN
from mutants.mutant import Exchange, Mutant, Prompt, RefusedError, Seams, Thought
from mutants.speaking import bad

WITH_STOP = ("chat", "messages")
ENDS = ("choices.0.finish_reason", "stop_reason", "status")
EVENT_ENDS = ("choices.0.finish_reason", "delta.stop_reason", "response.status")


def _streams(x: Exchange) -> bool:
    return x.streams


def _plain(x: Exchange) -> bool:
    return not x.streams


def _always(_x: Exchange) -> bool:
    return True


def _unbounded(where: Callable[[Exchange], bool]) -> Seams:
    return Seams(prompt=lambda prompt, x: replace(prompt, max_tokens=40) if where(x) else prompt)


def _one_more(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, max_tokens=prompt.max_tokens + 1)


def _newer(x: Exchange) -> bool:
    return "max_completion_tokens" in x.body


def _newer_refused(refusal: RefusedError | None, x: Exchange) -> RefusedError | None:
    known = x.dialect not in SPOKEN or not isinstance(x.body, dict) or not _newer(x)
    return refusal if known else bad("unknown member: max_completion_tokens")


def _natural(where: Callable[[Exchange], bool]) -> Seams:
    """An answer that was cut says that it is whole."""
    return Seams(thought=lambda t, x: t.but(ended="stop") if t.ended == "length" and where(x) else t)


def _unstopped(where: Callable[[Exchange], bool]) -> Seams:
    return Seams(prompt=lambda prompt, x: replace(prompt, stop=()) if where(x) else prompt)


def _first_stop(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, stop=prompt.stop[:1])


def _kept_stop(where: Callable[[Exchange], bool]) -> Seams:
    """The stop text stands at the end of the answer."""

    def seam(thought: Thought, x: Exchange) -> Thought:
        return thought.but(text=thought.text + thought.stop) if where(x) else thought

    return Seams(thought=seam)


def _skips_stop(prompt: Prompt, x: Exchange) -> Prompt:
    """The stop text is cut out, and the answer goes on."""
    x.state["skipped"] = prompt.stop
    return replace(prompt, stop=())


def _skipped(thought: Thought, x: Exchange) -> Thought:
    for stop in x.state["skipped"]:
        thought = thought.but(text=thought.text.replace(stop, ""))
    return thought


def _nothing_before_stop(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(text="") if thought.ended == "stop_text" else thought


MUTANTS = (
    Mutant("reason of the end is `eos`", "finish.plain", put("eos", *ENDS)),
    Mutant("reason of the end is an error", "finish.plain", put("error", *ENDS)),
    Mutant("reason of the end is lost in a stream", "finish.stream", put_events(None, *EVENT_ENDS)),
    Mutant("reason of a stream's end is that of tools", "finish.stream",
           put_events("tool_use", "delta.stop_reason"), ("messages",)),
    Mutant("reason of a chat's stream is `function_call`", "finish.stream",
           put_events("function_call", "choices.0.finish_reason"), ("chat",)),
    Mutant("response is still in progress at its end", "finish.stream",
           put_events("in_progress", "response.status"), ("responses",)),
    Mutant("bound of tokens is ignored", "max_tokens.plain", _unbounded(_plain)),
    Mutant("bound of tokens is one too high", "max_tokens.plain", Seams(prompt=_one_more)),
    Mutant("cut answer says that it is whole", "max_tokens.plain", _natural(_plain)),
    Mutant("bound of tokens is ignored in streams", "max_tokens.stream", _unbounded(_streams)),
    Mutant("cut stream says that it is whole", "max_tokens.stream", _natural(_streams)),
    Mutant("newer name of the bound is ignored", "max_tokens.newer", _unbounded(_newer), ("chat",)),
    Mutant("newer name of the bound is refused", "max_tokens.newer", Seams(refused=_newer_refused), ("chat",)),
    Mutant("stop texts are ignored", "stop.one", _unstopped(_plain), WITH_STOP),
    Mutant("answer has the stop text at its end", "stop.one", _kept_stop(_always), WITH_STOP),
    Mutant("stop text that was met is told wrongly", "stop.one", put("\n\nHuman:", "stop_sequence"), ("messages",)),
    Mutant("stop text is cut out and the answer goes on", "stop.ends",
           Seams(prompt=_skips_stop, thought=_skipped), WITH_STOP),
    Mutant("an answer that was stopped is empty", "stop.ends", Seams(thought=_nothing_before_stop), WITH_STOP),
    Mutant("only the first stop text counts", "stop.several", Seams(prompt=_first_stop), WITH_STOP),
    Mutant("stop texts are ignored in streams", "stop.stream", _unstopped(_streams), WITH_STOP),
    Mutant("stream has the stop text at its end", "stop.stream", _kept_stop(_streams), WITH_STOP),
)  # fmt: skip
