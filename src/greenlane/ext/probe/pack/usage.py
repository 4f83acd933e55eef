"""Tokens: told, plausible, and the same for a stream."""

from __future__ import annotations

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.sources import CHAT, CHAT_STREAM
from greenlane.ext.probe.values import SHOULD, Answer, Dialect, Question, Said, Usage, ask, check

_COSTS = "costs and limits are booked wrongly: LiteLLM, Langfuse, LangSmith"


def _usage(case: Case, answer: Answer) -> Usage:
    """Claim that usage is told whole, and return it."""
    usage = answer.usage
    need(usage, "no usage is told")
    assert usage
    need(usage.prompt is not None and usage.answer is not None, "usage lacks the tokens of the prompt or of the answer")
    assert usage.prompt is not None
    assert usage.answer is not None
    need(usage.prompt > 0, f"the prompt cost {usage.prompt} tokens")
    need(usage.answer > 0 or not answer.text, f"the answer cost {usage.answer} tokens")
    if case.dialect is not Dialect.MESSAGES:
        total = usage.prompt + usage.answer
        need(usage.total == total, f"the total is {usage.total} tokens, not {usage.prompt} + {usage.answer}")
    return usage


@check("usage.plain", CHAT, "usage: Usage statistics for the completion request; total = prompt + completion.", _COSTS)
def plain(case: Case) -> None:
    """A plain answer tells its tokens."""
    _usage(case, case.ask(ask(f"Say hello to {case.word()}.")))


@check(
    "usage.stream", CHAT_STREAM,
    "include_usage: the usage field shows the token usage statistics for the entire request.", _COSTS, calls=2,
    severity=SHOULD,
)  # fmt: skip
def streamed(case: Case) -> None:
    """A stream that was asked for it tells its tokens, for the prompt the same as a plain answer."""
    question = ask(f"Say hello to {case.word()}.")
    one = _usage(case, case.streamed(question))
    other = _usage(case, case.ask(question))
    need(one.prompt == other.prompt, f"the same prompt costs {one.prompt} tokens streamed and {other.prompt} plain")


@check(
    "usage.prompt", CHAT, "prompt_tokens: Number of tokens in the prompt.",
    f"agents do not see their context fill up, and run into its end; {_COSTS}", calls=2, severity=SHOULD,
)  # fmt: skip
def grows(case: Case) -> None:
    """A longer prompt costs more."""
    short = _usage(case, case.ask(ask("Say hello.")))
    words = " ".join(case.word() for _ in range(40))
    long = _usage(case, case.ask(ask(f"Say hello. Ignore the rest: {words}")))
    need(
        (long.prompt or 0) >= (short.prompt or 0) + 20,
        f"a prompt that is 40 words longer costs {long.prompt} tokens, the short one {short.prompt}",
    )


@check(
    "usage.answer", CHAT, "completion_tokens: Number of tokens in the generated completion.", _COSTS, calls=2,
    severity=SHOULD,
)  # fmt: skip
def counts(case: Case) -> None:
    """A longer answer costs more than a short one."""
    short = case.ask(ask("Count from 1 to 100.", max_tokens=16))
    long = case.ask(ask("Count from 1 to 100.", max_tokens=64))
    one, other = _usage(case, short), _usage(case, long)
    if len(long.text) > 2 * len(short.text) > 0:
        need((other.answer or 0) > (one.answer or 0), f"answers of 16 and 64 tokens are told as {one.answer} each")


@check(
    "turns.read", CHAT, "messages: A list of messages comprising the conversation so far.",
    "the model has forgotten what was said: every chat and every agent", calls=2,
)  # fmt: skip
def conversation(case: Case) -> None:
    """All turns of a conversation are read, not the last alone."""
    turns = (Said("user", f"My dog is called {case.word()}."), Said("assistant", "What a good name."))
    last = Said("user", "Say hello.")
    alone = _usage(case, case.ask(Question(turns=(last,))))
    whole = _usage(case, case.ask(Question(turns=(*turns, last))))
    need(
        (whole.prompt or 0) > (alone.prompt or 0) + 5,
        f"three turns cost {whole.prompt} tokens, the last alone {alone.prompt}: earlier turns are dropped",
    )


@check(
    "system.read", CHAT, "Instructions that the model should follow, regardless of messages sent by the user.",
    "agents without their instructions call no tools and leave their role: every agent", calls=2,
)  # fmt: skip
def operator(case: Case) -> None:
    """What the operator says is read: more of it costs more. Many templates have a text of their own for none."""
    words = " ".join(case.word() for _ in range(40))
    short = _usage(case, case.ask(ask("Say hello.", system="Be kind.")))
    long = _usage(case, case.ask(ask("Say hello.", system=f"Be kind. Ignore the rest: {words}")))
    need(
        (long.prompt or 0) >= (short.prompt or 0) + 20,
        f"a system text of 40 words more costs {long.prompt} tokens, the short one {short.prompt}: it is dropped",
    )
