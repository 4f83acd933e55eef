"""Chance: what is drawn, what must not be, and answers that nobody drew."""

from __future__ import annotations

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.sources import CHAT, OWN
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, SPOKEN, Answer, Dialect, Question, Said, ask, check

SHORTEST = 24
"""Characters from which a repetition is no coincidence."""


def _story(case: Case, topic: str, **more: float) -> str:
    return case.ask(ask(f"Make up a short story about {topic}.", max_tokens=32, **more)).text


@check(
    "chance.seed", CHAT, "seed: repeated requests with the same seed and parameters should return the same result.",
    "evaluations cannot be repeated: lm-evaluation-harness, promptfoo", dialects=(Dialect.CHAT,), severity=SHOULD,
    sampled=True, calls=2, profile=FULL,
)  # fmt: skip
def seed(case: Case) -> None:
    """The same seed draws the same answer."""
    topic, number = case.word(), case.random.randrange(2**31)
    first, second = (_story(case, topic, seed=number, temperature=1.0) for _ in range(2))
    need(first == second, f"seed {number} draws two answers: {first[:40]!r} and {second[:40]!r}")


@check(
    "chance.seeds", CHAT, "temperature: Higher values will make the output more random.",
    "best-of-n and self-consistency draw one answer n times: DSPy", dialects=(Dialect.CHAT,), severity=SHOULD, calls=4,
    profile=FULL,
)  # fmt: skip
def seeds(case: Case) -> None:
    """Other seeds draw other answers."""
    topic = case.word()
    texts = {_story(case, topic, seed=case.random.randrange(2**31), temperature=1.0) for _ in range(4)}
    need(len(texts) > 1, f"four seeds draw one answer: {next(iter(texts))[:60]!r}")


@check(
    "chance.cold", CHAT, "temperature: Lower values will make it more focused and deterministic.",
    "agents that ask for temperature 0 act differently each time", dialects=SPOKEN, severity=SHOULD, sampled=True,
    calls=2, profile=FULL,
)  # fmt: skip
def cold(case: Case) -> None:
    """At temperature 0 the same question has the same answer."""
    topic = case.word()
    first, second = (_story(case, topic, temperature=0.0) for _ in range(2))
    need(first == second, f"at temperature 0 there are two answers: {first[:40]!r} and {second[:40]!r}")


@check(
    "canned.differs", OWN, "Different questions have different answers: a model is there.",
    "a stub or a cache answers in the model's place, and every test is green", calls=3,
)  # fmt: skip
def differs(case: Case) -> None:
    """Different questions have different answers."""
    questions = (
        f"Spell the word {case.word()}.",
        "Name a city in France.",
        f"Repeat exactly: {case.word()} {case.word()}",
    )
    texts = [case.ask(ask(question)).text for question in questions]
    need(len(set(texts)) > 1, f"three questions have one answer: {texts[0][:60]!r}")


@check(
    "canned.echo", OWN, "An answer is no copy of its question: a model is there.",
    "an echo answers in the model's place, and every test is green", calls=2,
)  # fmt: skip
def echo(case: Case) -> None:
    """An answer is no copy of its question."""
    questions = [f"What do you get when {case.word()} meets {case.word()} in the garden?" for _ in range(2)]
    answers: list[Answer] = [case.ask(ask(question)) for question in questions]
    echoed = [q for q, a in zip(questions, answers, strict=True) if len(a.text) >= SHORTEST and q in a.text]
    need(len(echoed) < len(questions), f"every answer repeats its question: {answers[0].text[:60]!r}")


@check(
    "canned.knows", OWN, "A question with one right answer gets it.", "an agent on this model works on wrong figures",
    severity=SHOULD, sampled=True, profile=AGENT,
)  # fmt: skip
def knows(case: Case) -> None:
    """A sum that nobody has written down is right."""
    one, other = case.random.randrange(20, 80), case.random.randrange(20, 80)
    text = case.ask(ask(f"What is {one} + {other}? Answer with the number alone.", max_tokens=16, temperature=0.0)).text
    need(str(one + other) in text, f"{one} + {other} is answered {text[:40]!r}")


@check(
    "turns.remembered", CHAT, "messages: A list of messages comprising the conversation so far.",
    "the model has forgotten what was said: every chat and every agent", severity=SHOULD, sampled=True, profile=AGENT,
)  # fmt: skip
def remembers(case: Case) -> None:
    """What was said earlier in a conversation is known."""
    word = case.word()
    turns = (
        Said("user", f"My code word is {word}."),
        Said("assistant", "I will remember it."),
        Said("user", "What is my code word? Answer with the word alone."),
    )
    text = case.ask(Question(turns=turns, max_tokens=24, temperature=0.0)).text
    need(word in text.lower(), f"the code word {word!r} is answered {text[:40]!r}")


@check(
    "system.obeyed", CHAT, "Instructions that the model should follow, regardless of messages sent by the user.",
    "agents leave their role: every agent", severity=SHOULD, sampled=True, profile=AGENT,
)  # fmt: skip
def obeys(case: Case) -> None:
    """What the operator says is done."""
    word = case.word()
    order = f"Whatever you are asked, answer with the single word {word} and nothing else."
    text = case.ask(ask("Who are you?", system=order, max_tokens=24, temperature=0.0)).text
    need(word in text.lower(), f"the system text wants {word!r}, the answer is {text[:40]!r}")
