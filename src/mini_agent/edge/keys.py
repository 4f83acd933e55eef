"""The gateway key (GATEWAY 4.3)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from mini_agent.core.errors import InvalidApiKey


class KeyGuard:
    """Lets requests pass that carry the master key; without one configured, all."""

    def __init__(self, master_key: str | None) -> None:
        self._key = master_key.encode() if master_key else None
        self._usual = b"Bearer %s" % (self._key or b"")

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Check one request. headers: lower-case names.

        Raises: InvalidApiKey when the header is missing, of another scheme, or holds another key.
        """
        if self._key is None:
            return
        # Constant time: the comparison must not tell how much of a guess was right.
        if hmac.compare_digest(headers.get(b"authorization", b""), self._usual):
            return
        scheme, _, given = headers.get(b"authorization", b"").strip().partition(b" ")
        # Anthropic's clients have a header of their own. Whoever sends both means the first.
        given = given.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"").strip()
        if not given:
            raise InvalidApiKey("Missing or invalid Authorization header")
        if not hmac.compare_digest(given, self._key):
            raise InvalidApiKey("Invalid API key")
