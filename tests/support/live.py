"""Calls to live providers, bounded whatever a provider's file does: in number, in time, in tokens, in bytes.

The address is an argument of `Line`. A release test gives the one of the provider's `host`, over TLS; only tests of
this code itself give another. No variable changes it: neither a base, nor a proxy, nor other certificates.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import secrets
import ssl
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httpx
import msgspec

from greenlane.config.lanes import Provider

ROOT = Path(__file__).parents[2]
REQUEST = 2048
"""Bytes of a request's body, at most."""

BODY = 65536
"""Bytes of an answer, at most."""


class Overrun(AssertionError):
    """A call would have cost, or has cost, more than the provider's entry allows."""


@dataclass(frozen=True)
class Said:
    """An answer.

    Attributes:
        text: of it; model: that gave it; request: its id, empty for none.
        tokens: that it cost, the prompt's not counted; None where the provider counts none.
    """

    text: str
    model: str
    request: str = ""
    tokens: int | None = None


class Request(msgspec.Struct, frozen=True):
    """A request as a loopback server sees it; `headers` with lower-case names."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@cache
def _trusted() -> ssl.SSLContext:
    """Return the trusted certificates, whatever the environment names; to read them takes as long as a test."""
    return httpx.create_ssl_context(trust_env=False)


class Line:
    """The way to one provider.

    Args:
        base: address without a slash at the end.
        limits: the provider's entry.
    """

    def __init__(self, base: str, limits: Provider) -> None:
        self.base = base
        self._limits = limits
        self._calls = 0

    @property
    def host(self) -> str:
        """Host of the address, with its port where it is not that of TLS; no evidence without TLS."""
        parts = urlsplit(self.base)
        shown = parts.netloc.rpartition("@")[2]
        return shown if parts.scheme == "https" else f"{parts.scheme}://{shown}"

    def call(
        self, method: str, path: str, headers: Mapping[str, str], body: dict[str, Any] | None = None, *,
        limit: Sequence[str] = (), status: Sequence[int] = (200,),
    ) -> Any:  # fmt: skip
        """Make one call and return its decoded JSON; None for an empty answer.

        Args:
            limit: where the body says how many tokens the answer may have; the number is written here, by us.
            status: the good ones.

        Raises:
            Overrun: a bound is reached.
            AssertionError: the provider answered with another status.
        """
        self._calls += 1
        if self._calls > self._limits.calls:
            raise Overrun(f"call {self._calls} of {self._limits.calls} that this provider's entry allows")
        _write(body, limit, self._limits.tokens)
        if len(json.dumps(body)) > REQUEST:
            raise Overrun(f"a request of more than {REQUEST} bytes")
        code, content = asyncio.run(self._send(method, path, dict(headers), body))
        assert code in status, f"status {code}: {content[:200]!r}"
        return json.loads(content) if content else None

    async def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, bytes]:
        """Return status and body of an answer.

        Raises:
            Overrun: it takes too long, or is too long.
        """
        content = b""
        try:
            async with (
                asyncio.timeout(self._limits.seconds),
                httpx.AsyncClient(verify=_trusted(), trust_env=False, follow_redirects=False, timeout=None) as client,
                client.stream(method, self.base + path, headers=headers, json=body) as reply,
            ):
                async for part in reply.aiter_bytes():
                    content += part
                    if len(content) > BODY:
                        raise Overrun(f"an answer of more than {BODY} bytes")
                return reply.status_code, content
        except TimeoutError as error:
            raise Overrun(f"no whole answer within {self._limits.seconds:g} s") from error

    def check(self, said: Said) -> Said:
        """Return an answer that cost no more than it may.

        Raises:
            Overrun: it cost more tokens.
        """
        if said.tokens is not None and said.tokens > self._limits.tokens:
            raise Overrun(f"{said.tokens} tokens of {self._limits.tokens} that this provider's entry allows")
        return said


class LiveProvider(Protocol):
    """One file of `tests/smoke_release/providers`: how to ask, and how the provider's side of that looks."""

    EXACT: bool
    """Whether the model can be trusted to add two small numbers."""

    def base(self, environ: Mapping[str, str]) -> str:
        """Return the address that release tests ask."""

    def ask(self, line: Line, environ: Mapping[str, str], model: str, prompt: str) -> Said:
        """Ask one question."""

    def serve(self, request: Request, think: Callable[[str], str]) -> tuple[int, Any]:
        """Answer as the provider does: status and body, in its recorded shape.

        Raises:
            AssertionError: the request is not one that the provider would take.
        """


@dataclass(frozen=True)
class Question:
    """A question that nobody can have answered before: the sum of two drawn numbers."""

    prompt: str
    answer: str


def entries() -> dict[str, Provider]:
    """Return the providers of the release lane, as the configuration has them."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["greenlane"]
    return {
        name: msgspec.convert(table["providers"][name], Provider) for name in table["lanes"]["release"]["providers"]
    }


def live_provider(name: str) -> LiveProvider:
    """Return the file of a provider; its name is the entry's, with `_` for `-`."""
    return cast(LiveProvider, importlib.import_module(f"smoke_release.providers.{name.replace('-', '_')}"))


def questions() -> tuple[Question, Question]:
    """Return two questions with different answers."""
    first = secrets.randbelow(40) + 20
    return _question(first), _question(first + secrets.randbelow(40) + 1)


def _question(total: int) -> Question:
    """Return a question whose answer is a number."""
    part = secrets.randbelow(7) + 3
    return Question(f"What is {total - part} plus {part}? Answer with the number alone.", str(total))


def sum_of(prompt: str) -> str:
    """Return the answer to a question of ours, as a server on loopback thinks of it."""
    found = re.search(r"(\d+) plus (\d+)", prompt)
    return str(int(found[1]) + int(found[2])) if found else prompt


def _write(body: dict[str, Any] | None, limit: Sequence[str], tokens: int) -> None:
    """Write the bound of an answer into a body."""
    if not limit or body is None:
        return
    for key in limit[:-1]:
        body = body.setdefault(key, {})
    body[limit[-1]] = tokens
