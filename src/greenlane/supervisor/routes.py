"""How often the kernel found no route for anybody in this network namespace."""

from __future__ import annotations

from pathlib import Path


def refused_routes(net: Path = Path("/proc/self/net")) -> int:
    """Return the count since the namespace was made (`OutNoRoutes`, RFC 4293); 0 where the kernel does not say.

    Args:
        net: folder of the kernel's network statistics.
    """
    return _column(_read(net / "snmp"), "Ip:", "OutNoRoutes") + _row(_read(net / "snmp6"), "Ip6OutNoRoutes")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _column(text: str, prefix: str, name: str) -> int:
    """Return a number of a table whose first line holds the names."""
    lines = [line.split() for line in text.splitlines() if line.startswith(prefix)]
    return next((int(value) for key, value in zip(*lines[:2], strict=False) if key == name), 0) if len(lines) > 1 else 0


def _row(text: str, name: str) -> int:
    """Return a number of a list of names and numbers."""
    return next((int(line.split()[1]) for line in text.splitlines() if line.split()[:1] == [name]), 0)
