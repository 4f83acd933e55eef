"""Which tools of a request a provider of another dialect is offered."""

from __future__ import annotations

from mini_agent.dialects.names import Dialect
from mini_agent.dialects.parameters import Losses
from mini_agent.dialects.request import Request, Tool, ToolChoice

_CALLERS_OWN = ("function", "custom")


def choose_tools(request: Request, losses: Losses) -> tuple[list[Tool], ToolChoice | None]:
    """Leave out what the provider cannot run, and what the caller does not allow where that cannot be said.

    A tool that only a provider of the caller's dialect runs is an offer: beside tools of the caller's own it is
    dropped. Alone or demanded it is what the request is about: it is refused.

    Returns: the tools, and the choice among them that is left to be made.
    Raises: UnsupportedParameter.
    """
    tools, choice = list(request.tools), request.tool_choice
    if losses.source is losses.target:
        return tools, choice
    own = [tool for tool in tools if tool.kind in _CALLERS_OWN]
    for tool in tools:
        if tool.kind in _CALLERS_OWN:
            continue
        if not own:
            raise losses.refuse("tools", f"a tool of type {tool.kind}")
        losses.drop(f"tools.{tool.kind}")
    if choice is not None and choice.mode == "other":
        raise losses.refuse("tool_choice", "a tool that the provider runs")
    if choice is not None and choice.allowed is not None and losses.target is Dialect.MESSAGES:
        own = [tool for tool in own if tool.name in choice.allowed]
        choice = ToolChoice(choice.mode)
    return own, choice


def failed_text(text: str) -> str:
    """Returns: the text of a failed result for a protocol that has no other sign of failure."""
    return text if text.lstrip().lower().startswith("error") else f"error: {text}".rstrip()
