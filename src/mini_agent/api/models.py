"""`GET /v1/models` and `/v1/models/{model}`, in the shape that the caller's headers ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mini_agent.api.kept import whole_number
from mini_agent.core.errors import ModelNotFound
from mini_agent.core.suggest import did_you_mean
from mini_agent.edge.errors import route_not_found
from mini_agent.edge.exchange import EXCHANGE, Exchange, Receive, Scope, Send, send_body
from mini_agent.pipeline.services import ModelServices

#: What the log and the metrics call the route of one model, whose name may have slashes.
SINGLE = "/v1/models/{model}"
_PREFIX = "/v1/models/"
#: Whoever sends it is a client of Anthropic's.
_ANTHROPIC = b"anthropic-version"


class ModelsRoute:
    """Tells of the configured groups, all or one. started_at: seconds since the epoch, when they came to be."""

    def __init__(self, services: ModelServices, started_at: float) -> None:
        self._guard = services.guard
        self._registry = services.registry
        self._groups = services.settings.groups
        self._created = int(started_at)
        listed = [self._openai(group) for group in self._groups]
        self._listed = msgspec.json.encode({"object": "list", "data": listed})

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer. Raises: InvalidApiKey, ModelNotFound, RouteNotFound, InvalidParameter."""
        exchange: Exchange = scope[EXCHANGE]
        name = scope["path"].removeprefix(_PREFIX)
        single, anthropic = name != scope["path"], _ANTHROPIC in exchange.headers
        if single and not name:
            raise route_not_found(_PREFIX)
        if single:
            exchange.route = SINGLE
        self._guard.check(exchange.headers)
        if single:
            body = msgspec.json.encode(self._one(name, anthropic=anthropic))
        else:
            query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
            limit = whole_number(query, "limit", 20, 1, 1000)
            groups = [self._anthropic(group) for group in self._groups] if anthropic else []
            body = msgspec.json.encode(_page(groups, query, limit)) if anthropic else self._listed
        await send_body(send, body)

    def _one(self, asked: str, *, anthropic: bool) -> dict[str, Any]:
        group = self._registry.external_name(asked)
        if group not in self._groups:
            hint = did_you_mean(asked[:200], list(self._groups))
            raise ModelNotFound(f"Model '{asked[:200]}' not found in configuration{hint}", param="model")
        return self._anthropic(group) if anthropic else self._openai(group)

    def _openai(self, group: str) -> dict[str, Any]:
        item = {"id": group, "object": "model", "created": self._created, "owned_by": "litellm"}
        return {**item, "permission": [], "root": group, "parent": None}

    def _anthropic(self, group: str) -> dict[str, Any]:
        created = datetime.fromtimestamp(self._created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": group, "display_name": group, "created_at": created}


def _page(items: Sequence[Mapping[str, Any]], query: Mapping[str, str], limit: int) -> dict[str, Any]:
    """Returns: a page as Anthropic writes one. Raises: ModelNotFound."""
    first, last = 0, len(items)
    names = [item["id"] for item in items]
    for name in ("after_id", "before_id"):
        if name in query and query[name] not in names:
            raise ModelNotFound(f"Model '{query[name][:200]}' is not in this list", param=name)
    if "after_id" in query:
        first = names.index(query["after_id"]) + 1
    if "before_id" in query:
        last = names.index(query["before_id"])
    window = items[first:last]
    page = window[-limit:] if "before_id" in query and "after_id" not in query else window[:limit]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return {"data": list(page), "has_more": len(window) > limit, **ends}
