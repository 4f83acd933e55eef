"""The errors of the router itself: no such path, no such method."""

from __future__ import annotations

from mini_agent.core.errors import MethodNotAllowed, RouteNotFound


def route_not_found(path: str) -> RouteNotFound:
    """Returns: the 404 of an unknown path."""
    return RouteNotFound(f"No route for path '{path[:200]}'")


def method_not_allowed(method: str, path: str, allow: str) -> MethodNotAllowed:
    """Returns: the 405 of a known path. allow: the methods it has, comma separated."""
    return MethodNotAllowed(f"Method {method[:20]} is not allowed for '{path[:200]}'", allow=allow)
