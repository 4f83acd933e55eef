"""`GET /v1/models`."""

from __future__ import annotations

from typing import Any

import msgspec

from mini_agent.edge.exchange import EXCHANGE, Receive, Scope, Send, send_body
from mini_agent.edge.keys import KeyGuard
from mini_agent.settings import Settings

__all__ = ["ModelsRoute"]


class ModelsRoute:
    """Lists the configured groups."""

    def __init__(self, settings: Settings, guard: KeyGuard, started_at: float) -> None:
        self._guard = guard
        items: list[dict[str, Any]] = [
            {
                "id": group,
                "object": "model",
                "created": int(started_at),
                "owned_by": "litellm",
                "permission": [],
                "root": group,
                "parent": None,
            }
            for group in settings.groups
        ]
        self._body = msgspec.json.encode({"object": "list", "data": items})

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with one item per group. Raises: InvalidApiKey."""
        self._guard.check(scope[EXCHANGE].headers)
        await send_body(send, self._body)
