"""`GET /memory-routing/info`: whose memory a request would use, and why (GATEWAY 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import InvalidApiKey
from mini_agent.core.redaction import REDACTED, is_sensitive_header
from mini_agent.edge.exchange import EXCHANGE, Exchange, Receive, Scope, Send, send_body
from mini_agent.memory.detect import Detection, PatternMatch, header_text
from mini_agent.pipeline.services import ModelServices


class RoutingInfoRoute:
    """Tells a client what the gateway makes of its headers."""

    def __init__(self, services: ModelServices) -> None:
        self._detector = services.callers.detector
        self._guard = services.guard
        self._sessions = services.sessions
        self._redactor = services.redactor
        self._protected = services.settings.protect_routing_info

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request. Raises: InvalidApiKey; InvalidParameter for a user id that cannot be one."""
        exchange: Exchange = scope[EXCHANGE]
        authorised = self._authorised(exchange.headers)
        if self._detector is None:
            await send_body(send, msgspec.json.encode({"error": "Memory router not initialized"}))
            return
        detection = self._detector.detect(exchange.headers)
        routing = self._routing(detection)
        answer = {**routing, "routing": routing, "request_headers": self._headers(exchange.headers)}
        if authorised:
            counts = self._sessions.cookie_counts(detection.user_id)
            answer["session_info"] = {"initialized": bool(counts), "cookie_count": sum(counts)}
        await send_body(send, msgspec.json.encode(answer))

    def _authorised(self, headers: Mapping[bytes, bytes]) -> bool:
        try:
            self._guard.check(headers)
        except InvalidApiKey:
            if self._protected:
                raise
            return False
        return True

    def _routing(self, detection: Detection) -> dict[str, Any]:
        return {
            "user_id": self._redactor.text(detection.user_id),
            "matched_pattern": self._match(detection.matched),
            "custom_header_present": detection.custom_header_present,
            "is_default": detection.is_default,
        }

    def _match(self, match: PatternMatch | None) -> dict[str, str] | None:
        if match is None:
            return None
        value = REDACTED if is_sensitive_header(match.header) else self._redactor.text(match.value)
        return {"header": match.header, "value": value, "pattern": match.pattern, "user_id": match.user_id}

    def _headers(self, headers: Mapping[bytes, bytes]) -> dict[str, str]:
        texts = {header_text(name): header_text(value) for name, value in headers.items() if name != b"cookie"}
        return self._redactor.headers(texts)
