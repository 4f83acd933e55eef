"""What the routes of kept answers share: whose they are, which one is meant, and pages of lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mini_agent.core.errors import InvalidParameter, NotStored
from mini_agent.edge.exchange import EXCHANGE, Exchange, Receive, Scope, Send, send_body
from mini_agent.pipeline.services import ModelServices

_LIMIT = 20
_MOST = 100
_ORDERS = ("asc", "desc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request about kept answers. user: whose. name: the id in the path, empty where there is none.

    query: of duplicates the last. read: reads the body as a JSON object.
    """

    user: str
    name: str
    query: Mapping[str, str]
    read: Callable[[], Awaitable[dict[str, Any]]]


Operation = Callable[[Asked], Awaitable[Any]]


class KeptRoute:
    """Key and user, then an operation. path: as the table of routes has it. operations: by method."""

    def __init__(self, services: ModelServices, path: str, operations: Mapping[str, Operation]) -> None:
        self._services = services
        self._path = path
        self._at = next((at for at, part in enumerate(path.split("/")) if part.startswith("{")), None)
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises: GatewayError before anything was sent."""
        exchange: Exchange = scope[EXCHANGE]
        exchange.route = self._path
        self._services.guard.check(exchange.headers)
        asked = Asked(
            user=self._services.callers.user_of(exchange) or "",
            name="" if self._at is None else scope["path"].split("/")[self._at],
            query=dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)),
            read=lambda: self._services.reader.read_object(receive, exchange.headers),
        )
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await send_body(send, msgspec.json.encode(await self._operations[method](asked)))


def missing(what: str, name: str) -> NotStored:
    """Returns: the error for an id of which this user has nothing. what: its kind, as people call it."""
    return NotStored(f"{what} with id '{name[:100]}' not found")


def page_of(items: Sequence[dict[str, Any]], query: Mapping[str, str], *, newest_first: bool) -> dict[str, Any]:
    """Cut a page out of a list. items: the oldest first, each with an `id`. newest_first: the order by default.

    Returns: the page as OpenAI writes one. Raises: InvalidParameter; NotStored for an `after` that is not in the list.
    """
    order = query.get("order", "desc" if newest_first else "asc")
    if order not in _ORDERS:
        raise InvalidParameter("Invalid 'order': expected asc or desc", param="order")
    limit = whole_number(query, "limit", _LIMIT, 1, _MOST)
    ordered = list(items) if order == "asc" else list(items)[::-1]
    after = query.get("after")
    if after:
        places = [at for at, item in enumerate(ordered) if item["id"] == after]
        if not places:
            raise NotStored(f"Item with id '{after[:100]}' is not in this list", param="after")
        ordered = ordered[places[0] + 1 :]
    page = ordered[:limit]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return {"object": "list", "data": page, **ends, "has_more": len(ordered) > limit}


def whole_number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Returns: a number of the query. Raises: InvalidParameter outside of its bounds."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidParameter(f"Invalid '{name}': expected a whole number from {least} to {most}", param=name)
    return int(text)
