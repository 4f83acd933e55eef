"""The connection: kept, used again, and how long it takes."""

from __future__ import annotations

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import need
from greenlane.ext.probe.pack.errors import ASKED, least
from greenlane.ext.probe.pack.sources import HTTP1, OWN
from greenlane.ext.probe.values import MAY, SHOULD, ask, check

_SLOW = "each request pays for a new connection, over TLS several round trips: every client with a pool"


def _opened(case: Case, before: int, what: str) -> None:
    reply = case.post(least(case))
    need(reply.status == 200, f"{what} a good request is answered with status {reply.status}")
    need(case.wire.opened == before, f"{what} the connection is closed")


@check(
    "connection.reuse", HTTP1, "HTTP/1.1 defaults to the use of persistent connections.", _SLOW, dialects=ASKED,
    severity=SHOULD, calls=2,
)  # fmt: skip
def reuse(case: Case) -> None:
    """A second request goes over the same connection."""
    case.post(least(case))
    _opened(case, case.wire.opened, "after an answer")


@check(
    "connection.error", HTTP1, "A server MUST read the entire request message body or close the connection.", _SLOW,
    dialects=ASKED, severity=SHOULD, calls=3,
)  # fmt: skip
def after_error(case: Case) -> None:
    """A refusal leaves the connection usable."""
    case.post(least(case))
    before = case.wire.opened
    case.post({**least(case), "messages": 5, "input": 5})
    _opened(case, before, "after a refusal")


@check(
    "connection.stream", HTTP1, "A chunked message is complete when a chunk with a size of zero has been received.",
    _SLOW, severity=SHOULD, calls=3,
)  # fmt: skip
def after_stream(case: Case) -> None:
    """A stream that ended leaves the connection usable."""
    case.post(least(case))
    before = case.wire.opened
    case.stream(ask("Say hello."))
    _opened(case, before, "after a stream")


@check(
    "latency.told", OWN,
    "Seconds to the first event, between events, and to the whole; judged only by bounds that are given.",
    "people wait", severity=MAY, calls=2,
)  # fmt: skip
def figures(case: Case) -> None:
    """Measure a plain answer and a stream; nothing is judged but that there are some."""
    reply = case.post(case.body(ask("Count from 1 to 20.", max_tokens=40)))
    need(reply.status == 200, f"there is no answer to measure: status {reply.status}")
    stream = case.stream(ask("Count from 1 to 20.", max_tokens=40))
    need(bool(stream.events), "there is no stream to measure: no event comes")
    count = max(1, len(stream.events) - 1)
    case.figures["whole"] = round(reply.seconds, 4)
    case.figures["first"] = round(stream.first, 4)
    case.figures["between"] = round((stream.seconds - stream.first) / count, 5)
