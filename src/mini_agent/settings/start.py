"""What every way of starting refuses: `serve`, an ASGI server with `create_app`, and whoever embeds the app."""

from __future__ import annotations

from mini_agent.core.errors import ConfigError
from mini_agent.settings.record import SHORTEST_OPEN_KEY, Settings


def refuse_unsafe(settings: Settings) -> None:
    """Refuse an address that others reach without a key that keeps them out.

    Raises: ConfigError.
    """
    if settings.may_be_open or settings.on_loopback:
        return
    if not settings.master_key:
        raise ConfigError(
            f"refusing to serve {settings.host} without a master key: set MINI_AGENT_MASTER_KEY, or pass --allow-open"
        )
    raise ConfigError(
        f"refusing to serve {settings.host} with a master key of {len(settings.master_key)} characters, which can be "
        f"guessed: use {SHORTEST_OPEN_KEY} or more, or pass --allow-open"
    )
