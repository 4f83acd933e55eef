"""Who asks: the facts about a client that go along to providers, memory and tools."""

from __future__ import annotations

from collections.abc import Mapping

from mini_agent.core.chat import Caller, ModelTarget
from mini_agent.core.errors import LoopDetected
from mini_agent.dialects import Dialect
from mini_agent.edge.exchange import Exchange
from mini_agent.memory.detect import UserDetector
from mini_agent.memory.headers import USER_HEADER, harmless_headers, is_harmless
from mini_agent.settings import Settings
from mini_agent.upstreams.forward.headers import forwarded_headers

#: A request that has passed this many gateways goes in circles.
_MAX_HOPS = 3
#: How the names of a protocol's own headers begin.
_PROTOCOL_PREFIX = {Dialect.CHAT: b"openai-", Dialect.MESSAGES: b"anthropic-", Dialect.RESPONSES: b"openai-"}


class Callers:
    """Makes the caller of an exchange. detector: None while memory routing is off."""

    def __init__(self, settings: Settings) -> None:
        self._pass_on = settings.general.forward_client_headers_to_llm_api
        self._forward = settings.provider_mode == "forward"
        self._naming = frozenset({settings.config.user_id_mappings.custom_header, USER_HEADER})
        self.detector = UserDetector(settings.config.user_id_mappings) if settings.memory_routing else None

    def of(self, exchange: Exchange, hop: int) -> Caller:
        """Find out who asks. hop: for the header of outgoing requests.

        Returns: the caller.
        Raises: InvalidParameter for a user id that cannot be one.
        """
        headers = self._of_client(exchange.headers)
        headers["x-request-id"] = exchange.request_id
        headers["x-mini-agent-hop"] = str(hop)
        user_id = self.user_of(exchange)
        return Caller(request_id=exchange.request_id, user_id=user_id, headers=headers, naming=self._naming)

    def user_of(self, exchange: Exchange) -> str | None:
        """Returns: whose request it is, None while memory routing is off. Raises: InvalidParameter, as `of`."""
        return self.detector.detect(exchange.headers).user_id if self.detector is not None else None

    def _of_client(self, headers: Mapping[bytes, bytes]) -> dict[str, str]:
        if self._forward:  # What goes on from there is decided there, by the same setting of the same file.
            return forwarded_headers(headers.items())
        return harmless_headers(headers) if self._pass_on else {}


def protocol_prefix(dialect: Dialect, target: ModelTarget) -> bytes | None:
    """Returns: how the names of those headers begin that a client sends to a provider of its own protocol.

    `anthropic-` or `openai-`, None where another protocol is spoken.
    """
    prefix = _PROTOCOL_PREFIX[dialect]
    return prefix if _PROTOCOL_PREFIX[Dialect(target.dialect)] == prefix else None


def protocol_headers(headers: Mapping[bytes, bytes], prefix: bytes | None) -> dict[str, str]:
    """Returns: the headers that begin so, as text. prefix: as `protocol_prefix` gives it."""
    if prefix is None:
        return {}
    length = len(prefix)
    return {
        name.decode(): value.decode()
        for name, value in headers.items()
        if name[:length] == prefix and is_harmless(name, value)
    }


def next_hop(headers: Mapping[bytes, bytes]) -> int:
    """Returns: the hop number for outgoing requests. Raises: LoopDetected for a request that goes in circles."""
    value = headers.get(b"x-mini-agent-hop")
    if value is None or not (value := value.strip()).isdigit():
        return 1
    # Digits beyond the first few change nothing, and converting thousands of them would cost time.
    received = int(value[-19:]) if len(value.lstrip(b"0")) <= 19 else _MAX_HOPS
    if received >= _MAX_HOPS:
        raise LoopDetected("The request has passed through too many gateways: a model entry points back at one of them")
    return received + 1
