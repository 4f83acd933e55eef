"""One parser per kind of environment value. Each takes the text and returns the value or raises ValueError."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from mini_agent.core.addresses import ip_address, origin_of
from mini_agent.core.patterns import Pattern

_HOST_NAME = Pattern(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_SCHEME = Pattern(r"[a-z][a-z0-9+.-]*")
_TRUE = frozenset({"1", "true", "yes", "on"})


def text(value: str) -> str:
    """Returns: the text as it is."""
    return value


def boolean(value: str) -> bool:
    """Returns: True for 1, true, yes or on in any casing, else False."""
    return value.strip().lower() in _TRUE


def whole(minimum: int = 0) -> Callable[[str], int]:
    """Returns: a parser of whole numbers not below `minimum`."""

    def parse(value: str) -> int:
        try:
            parsed = int(value.strip())
        except ValueError:
            raise ValueError(f"expected a whole number, got '{value}'") from None
        if parsed < minimum:
            raise ValueError(f"must be at least {minimum}, got {parsed}")
        return parsed

    return parse


def port(value: str, minimum: int = 0) -> int:
    """Returns: a TCP port, 0 for a free one. Raises: ValueError outside `minimum` to 65535."""
    parsed = whole(minimum)(value)
    if parsed > 65535:
        raise ValueError(f"must be at most 65535, got {parsed}")
    return parsed


def real_port(value: str) -> int:
    """Returns: a TCP port. Raises: ValueError outside 1 to 65535."""
    return port(value, 1)


def number(value: str) -> float:
    """Returns: a finite number, not below 0. Raises: ValueError."""
    try:
        parsed = float(value.strip())
    except ValueError:
        raise ValueError(f"expected a number, got '{value}'") from None
    if not 0 <= parsed < float("inf"):
        raise ValueError(f"must be a finite number of at least 0, got '{value}'")
    return parsed


def choice(*allowed: str) -> Callable[[str], str]:
    """Returns: a parser that takes one of `allowed`, in any casing."""

    def parse(value: str) -> str:
        lowered = value.strip().lower()
        if lowered not in allowed:
            raise ValueError(f"must be one of {', '.join(word or '(empty)' for word in allowed)}, got '{value}'")
        return lowered

    return parse


def each_of(*allowed: str) -> Callable[[str], tuple[str, ...]]:
    """Returns: a parser of a comma list whose words are all among `allowed`."""

    def parse(value: str) -> tuple[str, ...]:
        found = names(value)
        if unknown := [word for word in found if word not in allowed]:
            raise ValueError(f"must be among {', '.join(allowed)}, got '{unknown[0]}'")
        return found

    return parse


def http_url(value: str) -> str:
    """Returns: the address without trailing slash, to which paths can be added.

    Raises: ValueError unless it is http or https with a host and nothing else but a path.
    """
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an http:// or https:// address")
    if "@" in parts.netloc or "?" in value or "#" in value:
        raise ValueError("must be an address without user, query and fragment; a key has a variable of its own")
    return value.strip().rstrip("/")


def names(value: str) -> tuple[str, ...]:
    """Returns: the non-blank parts of a comma list, trimmed."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def paths(value: str) -> tuple[str, ...]:
    """Returns: the absolute paths of a comma list. Raises: ValueError for a relative one, and for `/`."""
    found = names(value)
    for path in found:
        if not path.startswith("/") or not path.strip("/"):
            raise ValueError(f"expected absolute paths of folders or files, got '{path}'")
    return found


def local_tools(value: str) -> str:
    """Returns: `sandbox`, `unsandboxed` or `off`; 1 and 0 mean the first and the last. Raises: ValueError."""
    word = value.strip().lower()
    if word in _TRUE | {"sandbox"}:
        return "sandbox"
    if word in ("0", "false", "no", "off"):
        return "off"
    if word != "unsandboxed":
        raise ValueError(f"expected sandbox, unsandboxed or 0, got '{value}'")
    return word


def hosts(value: str) -> tuple[str, ...]:
    """Returns: names and addresses of machines in lower case, `*.name` for all names below one.

    Raises: ValueError for anything else: a scheme, a port, a path, or `*` alone.
    """
    found = tuple(part.lower().rstrip(".") for part in names(value))
    for host in found:
        if not _HOST_NAME.fullmatch(host) and ip_address(host) is None:
            raise ValueError(f"must be host names such as gateway.example or *.example, without port; got '{host}'")
    return tuple(host.strip("[]") for host in found)


def origins(value: str) -> frozenset[str]:
    """Returns: origins of web pages as `origin_of` writes them, `scheme://*` for all of a scheme of programs.

    Raises: ValueError for anything else, and for `*`, `null` and `https://*`, which would let any page in.
    """
    return frozenset(_origin(part) for part in names(value))


def _origin(text: str) -> str:
    scheme, _, rest = text.lower().partition("://")
    if rest == "*" and scheme not in ("http", "https", "") and _SCHEME.fullmatch(scheme):
        return f"{scheme}://*"
    origin = origin_of(text.rstrip("/"))
    if origin is None or "*" in origin:
        raise ValueError(f"must be origins such as https://ui.example or app://*, without path; got '{text}'")
    return origin
