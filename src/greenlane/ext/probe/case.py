"""One endpoint, one dialect, one model: what a check is given to ask with."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any

from greenlane.ext.probe.speech.protocol import Speech
from greenlane.ext.probe.values import Answer, Check, Dialect, Finding, Question
from greenlane.ext.probe.wire import SHOWN, BudgetSpent, Reply, Stream, Wire

TRIES = 4
"""How often a question is asked of an endpoint that says for how long its limits refuse it."""

LONGEST = 5.0
"""Seconds that it may ask us to wait."""

LETTERS = "bcdfghjklmnprstvwz"


@dataclass
class Case:
    """What a check asks with.

    Attributes:
        wire: the way to the endpoint; speech: how its dialect is spoken.
        dialect, model: what is asked.
        seed: of everything that the check draws: other words in every run, the same for the same seed.
        figures: that are told and never judged, by name.
    """

    wire: Wire
    speech: Speech
    dialect: Dialect
    model: str
    seed: int = 1
    figures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def word(self, length: int = 7) -> str:
        """Return a word that no model knows by heart."""
        vowels = "aeiou"
        return "".join(self.random.choice(vowels if i % 2 else LETTERS) for i in range(length))

    def body(self, question: Question, *, stream: bool = False) -> dict[str, Any]:
        """Return a request in the dialect."""
        return self.speech.body(question, self.model, stream=stream)

    def post(self, body: Any, headers: dict[str, str] | None = None) -> Reply:
        """Send a body as it is, again where the endpoint says how long to wait for its limits."""
        for _ in range(TRIES):
            reply = self.post_once(body, headers)
            wait = _advice(reply)
            if wait is None:
                break
            time.sleep(wait)
        return reply

    def post_once(self, body: Any, headers: dict[str, str] | None = None) -> Reply:
        """Send a body as it is."""
        sent = self.speech.headers(self.wire.key) if headers is None else headers
        return self.wire.call("POST", self.speech.path, body, sent)

    def ask(self, question: Question) -> Answer:
        """Ask and return the answer.

        Raises:
            Finding: it was refused, or is no object.
        """
        return self.read(self.post(self.body(question)))

    def read(self, reply: Reply) -> Answer:
        """Return the answer of a reply.

        Raises:
            Finding: it is a refusal, or no object.
        """
        if reply.status != 200:
            raise Finding(f"status {reply.status}, not 200: {self.wire.hide(reply.text)[:SHOWN]}")
        body = reply.json()
        if not isinstance(body, dict):
            raise Finding(f"the body is no object: {reply.text[:SHOWN]}")
        answer = self.speech.answer(body)
        self._cost(answer)
        return answer

    def stream(self, question: Question, *, leave_after: int = 0) -> Stream:
        """Ask for a stream and return it.

        Raises:
            Finding: it was refused.
        """
        body = self.body(question, stream=True)
        headers = self.speech.headers(self.wire.key)
        for _ in range(TRIES):
            stream = self.wire.stream(self.speech.path, body, headers, leave_after)
            wait = _advice(stream)
            if wait is None:
                break
            time.sleep(wait)
        if stream.status != 200:
            raise Finding(f"status {stream.status}, not 200: {self.wire.hide(stream.body.decode())[:SHOWN]}")
        return stream

    def streamed(self, question: Question) -> Answer:
        """Ask for a stream and return what its events make together."""
        answer = self.speech.joined(self.stream(question).events)
        self._cost(answer)
        return answer

    def _cost(self, answer: Answer) -> None:
        usage = answer.usage
        cost = sum(filter(None, (usage.prompt, usage.answer))) if usage else 0
        self.wire.budget.cost(max(cost, len(answer.text) // 4))


def _advice(reply: Reply | Stream) -> float | None:
    """Return the seconds that a refusal for limits asks us to wait; None for any other answer, or no such advice."""
    if reply.status not in (429, 503, 529):
        return None
    short, long = reply.headers.get("retry-after-ms", ""), reply.headers.get("retry-after", "")
    wait = int(short) / 1000 if short.isdigit() else float(long) if long.isdigit() else LONGEST + 1
    return wait if wait <= LONGEST else None


def examine(check: Check, case: Case) -> Finding | None:
    """Run a check; return what it found, without the key, or None.

    What breaks a check is the endpoint's fault: the checks read whatever comes with patience, and what even so is no
    number, text or list where one must be ends here.
    """
    try:
        check.run(case)
    except BudgetSpent as finding:
        return finding
    except Finding as finding:
        return Finding(case.wire.hide(str(finding)))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        what = f"the answer has not the form of the dialect: {type(error).__name__}: {error}"
        return Finding(case.wire.hide(what))
    return None
