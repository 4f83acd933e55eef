"""Sessions: one client per user and host, cookies that persist and never cross."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import aiohttp
import pytest

from mini_agent.net.sessions import IDLE_S, MAX_SESSIONS, Sessions, session_host
from support.cookies import cookie_from
from support.hand_clock import HandClock
from support.loop_thread import LoopThread
from support.upstream import Upstream, pieces

Scene = Callable[[Sessions], Awaitable[None]]


class World:
    """A loop, a provider that sets cookies, and a clock that the test moves."""

    def __init__(self, loop: LoopThread, upstream: Upstream) -> None:
        self.loop, self.upstream, self.clock = loop, upstream, HandClock()
        self.host = session_host(upstream.base)

    def play(self, scene: Scene, **options: int) -> None:
        """Run a scene with sessions that are closed afterwards."""

        async def whole() -> None:
            sessions = Sessions(self.clock, **options)  # type: ignore[arg-type]
            try:
                await scene(sessions)
            finally:
                await sessions.aclose()

        self.loop.run(whole())

    async def visit(self, sessions: Sessions, user: str | None) -> None:
        """Make one request as a user."""
        client = await sessions.get_session(user, self.host)
        async with client.get(f"{self.upstream.base}/visit", headers={"x-sm-user-id": user or ""}) as answer:
            await answer.read()

    @property
    def cookies(self) -> list[str | None]:
        """Returns: the Cookie header of each request, in order."""
        return [seen.header("cookie") for seen in self.upstream.requests]


@pytest.fixture
def world() -> Iterator[World]:
    """A world whose provider answers each user with a cookie of that name."""
    with LoopThread() as loop, Upstream(loop) as upstream:
        upstream.script(cookie_from("x-sm-user-id"))
        yield World(loop, upstream)


def test_cookies_persist_per_user_and_do_not_cross(world: World) -> None:
    """Each user gets back its own cookie, and one without user gets none."""

    async def scene(sessions: Sessions) -> None:
        for user in ("ada", "bob", "ada", "bob", None, None):
            await world.visit(sessions, user)

    world.play(scene)
    assert world.cookies == [None, None, "sid=ada", "sid=bob", None, None]


def test_one_client_per_user_and_host_even_when_first_used_at_once(world: World) -> None:
    """Concurrent first use gives one client; other users and hosts have others."""

    async def scene(sessions: Sessions) -> None:
        first = await asyncio.gather(*(sessions.get_session("ada", "h1") for _ in range(20)))
        assert len(set(first)) == 1
        assert await sessions.get_client("ada", "h1") is first[0]
        others = [await sessions.get_session("bob", "h1"), await sessions.get_session("ada", "h2")]
        assert len({*first, *others}) == 3

    world.play(scene)


def test_closed_client_is_replaced_and_keeps_its_cookies(world: World) -> None:
    """A client that somebody closed is opened again for the same user."""

    async def scene(sessions: Sessions) -> None:
        await world.visit(sessions, "ada")
        closed = await sessions.get_session("ada", world.host)
        await closed.close()
        assert await sessions.get_session("ada", world.host) is not closed
        await world.visit(sessions, "ada")

    world.play(scene)
    assert world.cookies == [None, "sid=ada"]


def test_idle_client_is_forgotten_with_its_cookies(world: World) -> None:
    """After the idle time a user starts anew; one second earlier not."""

    async def scene(sessions: Sessions) -> None:
        await world.visit(sessions, "ada")
        world.clock.advance(IDLE_S - 1)
        await world.visit(sessions, "ada")
        world.clock.advance(IDLE_S)
        assert sessions.cookie_counts("ada") == []
        await world.visit(sessions, "ada")

    world.play(scene)
    assert world.cookies == [None, "sid=ada", None]


def test_there_are_at_most_256_and_the_longest_unused_goes_first(world: World) -> None:
    """The 257th client pushes out the one that was used longest ago."""

    async def scene(sessions: Sessions) -> None:
        clients = [await sessions.get_session(f"u{number}", "h") for number in range(MAX_SESSIONS)]
        await sessions.get_session("u0", "h")
        await sessions.get_session("one more", "h")
        assert [client.closed for client in clients] == [False, True, *[False] * (MAX_SESSIONS - 2)]

    world.play(scene)


def test_a_client_in_use_is_neither_pushed_out_nor_forgotten(world: World) -> None:
    """While an answer is still being read its client stays, however full and however late it is."""
    world.upstream.script(pieces(b"first", "wait", b"second"))

    async def scene(sessions: Sessions) -> None:
        client = await sessions.get_session("ada", world.host)
        async with client.get(world.upstream.base) as answer:
            assert await answer.content.readexactly(5) == b"first"
            world.clock.advance(IDLE_S * 2)
            for number in range(4):
                await sessions.get_session(f"u{number}", "h")
            assert await sessions.get_session("ada", world.host) is client
            world.upstream.release.set()
            assert await answer.content.read() == b"second"
        await sessions.get_session("u1", "h")
        await sessions.get_session("u2", "h")
        assert client.closed, "once the answer is read, it can go"

    world.play(scene, limit=2)


def test_a_client_whose_request_is_on_its_way_counts_as_in_use(world: World) -> None:
    """Waiting for the head of an answer is use, too."""
    world.upstream.script(pieces("wait", b"late"))

    async def scene(sessions: Sessions) -> None:
        client = await sessions.get_session("ada", world.host)
        pending = asyncio.ensure_future(client.get(world.upstream.base))
        await asyncio.to_thread(world.upstream.wait_requests)
        for number in range(4):
            await sessions.get_session(f"u{number}", "h")
        world.upstream.release.set()
        answer = await pending
        assert await answer.read() == b"late"

    world.play(scene, limit=2)


def test_closing_twice_is_harmless_and_a_later_call_opens_anew(world: World) -> None:
    """`aclose` closes every client, can be repeated, and does not end the object's life."""

    async def scene(sessions: Sessions) -> None:
        client = await sessions.get_session("ada", "h")
        await sessions.aclose()
        await sessions.aclose()
        assert client.closed
        await world.visit(sessions, "ada")

    world.play(scene)


def test_every_loop_has_clients_of_its_own(world: World) -> None:
    """A client belongs to the loop that runs; what a loop that has ended left behind is let go."""
    sessions = Sessions(world.clock)

    async def first() -> aiohttp.ClientSession:
        return await sessions.get_session("ada", world.host)

    async def second(foreign: aiohttp.ClientSession) -> None:
        assert await sessions.get_session("ada", world.host) is not foreign
        assert foreign.closed
        await world.visit(sessions, "ada")
        await sessions.aclose()

    foreign = asyncio.run(first())
    asyncio.run(second(foreign))


def test_connections_are_shared_between_users(world: World) -> None:
    """Only cookies are kept apart: another user's request may go over a connection that is there."""

    async def scene(sessions: Sessions) -> None:
        for user in ("ada", "bob", "cy"):
            await world.visit(sessions, user)

    world.play(scene)
    assert world.upstream.connections == 1


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://api.example.com/v1", "api.example.com"),
        ("http://user:pw@127.0.0.1:8000/v1", "127.0.0.1:8000"),
        ("http://[::1]:80/v1", "[::1]"),
    ],
)
def test_hosts_are_told_apart_by_name_and_port(address: str, host: str) -> None:
    """The key of a session has no credentials, and a port only where it says something."""
    assert session_host(address) == host
