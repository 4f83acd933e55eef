"""Several at once: conversations are not mixed, cancelled work is given up, limits come with advice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.errors import envelope
from greenlane.ext.probe.pack.sources import HTTP, LIMITS, OWN
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, Question, ask, check
from greenlane.ext.probe.wire import Reply

AT_ONCE = 6
CUTS = 6
TRIES = 5
PAUSE = 0.2
"""Seconds between looks at whether cancelled work was given up; fewer where answers are awaited with less patience."""


def together(case: Case, work: Callable[[int], str]) -> list[str]:
    """Return what comes of work that begins at the same moment in several threads."""
    barrier = threading.Barrier(AT_ONCE)

    def begin(number: int) -> str:
        barrier.wait(timeout=case.wire.patience)
        return work(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(begin, range(AT_ONCE)))


def _unmixed(case: Case, how: Callable[[Question], str]) -> None:
    words = [case.word(9) for _ in range(AT_ONCE)]
    texts = together(case, lambda n: how(ask(f"Repeat exactly: {words[n]}", max_tokens=24)))
    for number, text in enumerate(texts):
        others = [word for word in words if word != words[number] and word in text]
        need(not others, f"an answer has the word of another conversation: {others[:1]}")


@check(
    "concurrency.plain", OWN, "Every request is answered by itself: nothing of another conversation is in it.",
    "one user reads what another wrote: every client", calls=AT_ONCE,
)  # fmt: skip
def mixed(case: Case) -> None:
    """Plain answers that are made at once stay apart."""
    _unmixed(case, lambda question: case.ask(question).text)


@check(
    "concurrency.stream", OWN, "Every stream is answered by itself: nothing of another conversation is in it.",
    "one user reads what another wrote: every client", profile=AGENT, calls=AT_ONCE,
)  # fmt: skip
def mixed_streams(case: Case) -> None:
    """Streams that are made at once stay apart."""
    _unmixed(case, lambda question: case.streamed(question).text)


@check(
    "cancel.frees", OWN,
    "A client that closes its connection wants nothing more: its work ends, and its place is free.",
    "users who press stop fill up the server until it refuses everybody: every chat interface", profile=AGENT,
    calls=CUTS + 1 + TRIES,
)  # fmt: skip
def cancelled(case: Case) -> None:
    """Streams whose clients have gone hold nobody up."""
    long = ask("Count from 1 to 500, every number in digits, one after the other.", max_tokens=400)
    for _ in range(CUTS):
        case.stream(long, leave_after=2)
    reply = case.post(case.body(ask("Say hello.")))
    for _ in range(TRIES):
        if reply.status not in (429, 503, 529):
            break
        # The server sees that its client has gone when it writes next.
        time.sleep(min(PAUSE, case.wire.patience / 100))
        reply = case.post(case.body(ask("Say hello.")))
    need(reply.status == 200, f"after {CUTS} cancelled streams a question is answered with status {reply.status}")


@check(
    "limits.advice", HTTP,
    "Retry-After indicates how long the user agent ought to wait before making a follow-up request.",
    f"clients come again at once and make it worse: openai, anthropic, LiteLLM ({LIMITS})", profile=FULL,
    severity=SHOULD, calls=AT_ONCE,
)  # fmt: skip
def advice(case: Case) -> None:
    """Whoever is refused for a limit is told when to come again."""
    replies: list[Reply] = []

    def post(_number: int) -> str:
        replies.append(case.post_once(case.body(ask("Count from 1 to 40.", max_tokens=32))))
        return ""

    together(case, post)
    for reply in (one for one in replies if one.status in (429, 503, 529)):
        wait = reply.headers.get("retry-after", "")
        ms = reply.headers.get("retry-after-ms", "")
        need(wait or ms, f"status {reply.status} comes without Retry-After")
        need((wait or ms).strip().isdigit() or "GMT" in wait, f"Retry-After is {wait or ms!r}, no seconds and no date")
        envelope(case, reply)
    strange = [one.status for one in replies if one.status != 200 and one.status not in (429, 503, 529)]
    need(not strange, f"{AT_ONCE} requests at once are answered with status {strange[:1]}")
