"""The one retry of the HTTP backend: after 429, and after nothing else."""

from __future__ import annotations

import email.utils
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_agent.agent.tool_values import ToolListingFailed
from mini_agent.net.retry import retry_after_seconds
from mini_agent.tools.http import HttpInvoker
from support.agent_runs import PROPERTY
from support.hand_clock import NotedWaits
from support.http_tools import with_host
from support.tool_calls import calling
from support.tool_host import Reply, ToolHost


@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [
        ("0.25", [0.25]),
        ("2", [1.5]),
        ("0", []),
        ("-3", []),
        ("nan", []),
        ("inf", []),
        ("soon", []),
        (None, []),
        (email.utils.formatdate(1001, usegmt=True), [1.0]),
        (email.utils.formatdate(9999, usegmt=True), [1.5]),
        (email.utils.formatdate(5, usegmt=True), []),
    ],
)
def test_one_more_post_after_429(retry_after: str | None, waited: list[float]) -> None:
    """A 429 leads to exactly one further, identical POST after the capped wait, a number or an HTTP date."""
    clock = NotedWaits(now=1000.0)

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        record = await calling(invoker, "Lookup", {"q": 1})
        assert (record["ok"], record["result"]) == (True, "done")
        assert len(host.posts) == 2
        assert host.posts[0].body == host.posts[1].body

    headers = {} if retry_after is None else {"Retry-After": retry_after}
    replies = (Reply("busy", 429, headers), Reply({"text": "done"}))
    with_host(test, *replies, retry_after_cap_s=1.5, clock=clock)
    assert clock.waits == waited


def test_a_second_429_is_an_error() -> None:
    """There is no third POST."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        assert (await calling(invoker, "Lookup"))["error"] == "HTTP 429: busy"
        assert len(host.posts) == 2

    with_host(test, Reply("busy", 429))


def test_a_listing_is_not_repeated_after_429() -> None:
    """The retry belongs to calls only."""

    async def test(host: ToolHost, invoker: HttpInvoker) -> None:
        with pytest.raises(ToolListingFailed):
            await invoker.list_tools()
        assert len(host.requests) == 1

    with_host(test, tools=Reply("busy", 429))


@PROPERTY
@given(st.one_of(st.text(), st.floats().map(str), st.none()), st.floats(0, 4e9))
def test_a_wait_is_a_number_that_can_be_waited_for(value: str | None, now: float) -> None:
    """Whatever the header holds, it is a finite number of seconds, not negative, or nothing."""
    wait = retry_after_seconds(value, now)
    assert wait is None or (wait >= 0 and math.isfinite(wait))
