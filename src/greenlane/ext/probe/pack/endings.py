"""Why an answer ends: reasons, stop texts, the most tokens."""

from __future__ import annotations

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need, one_of
from greenlane.ext.probe.pack.sources import CHAT, MESSAGES, RESPONSES
from greenlane.ext.probe.speech.protocol import dict_of
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, Answer, Dialect, Question, ask, check

WITH_STOP = (Dialect.CHAT, Dialect.MESSAGES)
NATURAL = ("stop", "length")
FEW = 16
"""Tokens of a short answer: the least that Responses takes."""

_CUT = "a cut answer passes for a whole one: agents run half a command, JSON does not parse"
_STOP = "text protocols of agents break, as the model goes on to answer itself: ReAct in LangChain, aider"


@check(
    "finish.plain", CHAT,
    "finish_reason: stop if the model hit a natural stop point, length if the maximum number of tokens.", _CUT,
)  # fmt: skip
def plain(case: Case) -> None:
    """An answer says why it ended."""
    answer = case.ask(ask("Say hello.", max_tokens=64))
    one_of(answer.ended, NATURAL, "the reason of the end")


@check("finish.stream", CHAT, "finish_reason: The reason the model stopped generating tokens; in the last chunk.", _CUT)
def streamed(case: Case) -> None:
    """A stream says why it ended."""
    answer = case.streamed(ask("Say hello.", max_tokens=64))
    one_of(answer.ended, NATURAL, "the reason of the end of a stream")


def _bounded(answer: Answer, limit: int) -> None:
    """Claim that an answer is within a bound, and says so where the bound ended it."""
    words = len(answer.text.split())
    need(words <= limit, f"max_tokens is {limit} and the answer has {words} words: {answer.text[:60]!r}")
    cost = answer.usage.answer if answer.usage else None
    need(cost is None or cost <= limit, f"max_tokens is {limit} and the answer cost {cost}")
    if cost == limit:
        need(answer.ended == "length", f"the answer was cut after {limit} tokens and says {answer.ended!r}")


def _long() -> Question:
    return ask("Count from 1 to 500, every number in digits, one after the other.", max_tokens=FEW)


@check(
    "max_tokens.plain", RESPONSES,
    "An upper bound for the tokens that can be generated; incomplete_details says that it was met.",
    f"the bill is unbounded; {_CUT}",
)  # fmt: skip
def bound(case: Case) -> None:
    """An answer has no more tokens than were allowed, and says when it was cut."""
    _bounded(case.ask(_long()), FEW)


@check(
    "max_tokens.stream", MESSAGES, "max_tokens: The maximum number of tokens to generate before stopping.",
    f"the bill is unbounded; {_CUT}",
)  # fmt: skip
def bound_streamed(case: Case) -> None:
    """A stream has no more tokens than were allowed, and says when it was cut."""
    _bounded(case.streamed(_long()), FEW)


@check(
    "max_tokens.newer", CHAT, "max_tokens: deprecated in favor of max_completion_tokens.",
    "newer clients are refused, or answered without a bound: openai's o-series callers, LiteLLM",
    dialects=(Dialect.CHAT,), severity=SHOULD, profile=FULL,
)  # fmt: skip
def newer_name(case: Case) -> None:
    """The newer name of the bound is known."""
    body = case.body(_long())
    body["max_completion_tokens"] = body.pop("max_tokens")
    _bounded(case.read(case.post(body)), FEW)


def _cut(case: Case, answer: Answer, stops: tuple[str, ...]) -> None:
    for stop in stops:
        need(stop not in answer.text, f"the answer has the stop text {stop!r} in it: {answer.text[:80]!r}")
    one_of(answer.ended, NATURAL, "the reason of the end")
    if case.dialect is Dialect.MESSAGES and dict_of(answer.raw).get("stop_reason") == "stop_sequence":
        met = dict_of(answer.raw).get("stop_sequence")
        need(met in stops, f"`stop_sequence` is {met!r}, the stop texts were {stops}")


def _with_stop(case: Case, count: int) -> tuple[Question, tuple[str, ...], str]:
    words = [case.word() for _ in range(3)]
    stops = (*(case.word(9) for _ in range(count - 1)), words[1])
    return ask(f"Repeat exactly: {' '.join(words)}", stop=stops, max_tokens=64), stops, words[2]


@check(
    "stop.one", CHAT,
    "stop: The API will stop generating further tokens. The returned text will not contain the sequence.", _STOP,
    dialects=WITH_STOP, profile=AGENT,
)  # fmt: skip
def stop(case: Case) -> None:
    """An answer ends before a stop text, which is not in it."""
    question, stops, _ = _with_stop(case, 1)
    _cut(case, case.ask(question), stops)


@check(
    "stop.ends", CHAT, "stop: Sequences where the API will stop generating further tokens.", _STOP, dialects=WITH_STOP,
    profile=AGENT, severity=SHOULD, sampled=True,
)  # fmt: skip
def ends(case: Case) -> None:
    """Nothing that would come after a stop text is in the answer, and what comes before it is."""
    question, _, after = _with_stop(case, 1)
    text = case.ask(question).text
    need(after not in text, f"the answer goes on after the stop text: {text[:80]!r}")
    need(text.strip(), "the answer is empty, though the stop text is not its beginning")


@check(
    "stop.several", MESSAGES, "stop_sequences: Custom text sequences that will cause the model to stop generating.",
    _STOP, dialects=WITH_STOP, profile=AGENT,
)  # fmt: skip
def stops(case: Case) -> None:
    """Each of several stop texts counts."""
    question, texts, _ = _with_stop(case, 2)
    _cut(case, case.ask(question), texts)


@check(
    "stop.stream", CHAT, "stop: Up to 4 sequences where the API will stop generating further tokens.", _STOP,
    dialects=WITH_STOP, profile=AGENT,
)  # fmt: skip
def stop_streamed(case: Case) -> None:
    """A stream ends before a stop text, no piece of which was sent."""
    question, texts, _ = _with_stop(case, 1)
    answer = case.streamed(question)
    _cut(case, Answer(**{**vars(answer), "raw": {}}), texts)
