"""Text of any language and any length."""

from __future__ import annotations

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.sources import CHAT, JSON
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, Answer, ask, check

SIGNS = 'Grüße 漢字 שלום 🦊👩‍🚀 é \u2028 \\ " </script>'
WORDS = 2500

_BROKEN = "names, code and emoji are broken: every client outside of ASCII"


def _clean(answer: Answer, raw: bytes) -> None:
    raw.decode("utf-8")
    need("\ufffd" not in answer.text, f"a character was broken on its way: {answer.text[:60]!r}")
    need(not any(0xD800 <= ord(sign) < 0xE000 for sign in answer.text), "half of a character is in the answer")


@check("unicode.plain", JSON, "JSON text exchanged between systems MUST be encoded using UTF-8.", _BROKEN)
def plain(case: Case) -> None:
    """Signs of any language come back whole."""
    reply = case.post(case.body(ask(f"Repeat exactly: {SIGNS}", max_tokens=96)))
    _clean(case.read(reply), reply.body)


@check(
    "unicode.stream", JSON,
    "JSON text exchanged between systems MUST be encoded using UTF-8; each event is such a text.", _BROKEN,
)  # fmt: skip
def streamed(case: Case) -> None:
    """No piece of a stream cuts a character in two."""
    stream = case.stream(ask(f"Repeat exactly: {SIGNS}", max_tokens=96))
    _clean(case.speech.joined(stream.events), stream.body)


@check(
    "unicode.same", JSON, "All Unicode characters may be placed within the quotation marks.", _BROKEN, severity=SHOULD,
    sampled=True, profile=AGENT,
)  # fmt: skip
def same(case: Case) -> None:
    """What is to be repeated comes back sign for sign."""
    word = case.word()
    wanted = f"{word} Grüße 漢字 🦊"
    text = case.ask(ask(f"Repeat exactly: {wanted}", max_tokens=96, temperature=0.0)).text
    need(wanted in text, f"{wanted!r} comes back as {text[:60]!r}")


@check(
    "long.read", CHAT, "prompt_tokens: Number of tokens in the prompt.",
    "agents lose the beginning of their work without being told: Claude Code, Cline, aider", profile=AGENT,
)  # fmt: skip
def long(case: Case) -> None:
    """A long prompt is read whole."""
    words = " ".join(case.word(5) for _ in range(WORDS))
    usage = case.ask(ask(f"Say hello, and ignore the rest. {words}", max_tokens=16)).usage
    cost = usage.prompt if usage else None
    need(cost is None or cost >= WORDS, f"a prompt of {WORDS} words cost {cost} tokens: a part of it was dropped")


@check(
    "long.needle", CHAT, "The model answers from the whole of its context.",
    "retrieval and long sessions answer from the last lines alone", severity=SHOULD, sampled=True, profile=FULL,
)  # fmt: skip
def needle(case: Case) -> None:
    """What stands far up in a long prompt is found."""
    word = case.word()
    filler = " ".join(f"The {case.word(5)} is calm." for _ in range(WORDS // 8))
    prompt = f"My code word is {word}. {filler} What is my code word? Answer with the word alone."
    text = case.ask(ask(prompt, max_tokens=24, temperature=0.0)).text
    need(word in text.lower(), f"the code word {word!r} at the beginning is answered {text[:40]!r}")
