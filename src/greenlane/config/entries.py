"""Entries of environment variables in a configuration: `NAME` is let through, `NAME=value` is set."""

from __future__ import annotations

from collections.abc import Iterable


def split_entries(entries: Iterable[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names that are let through and the values that are set, of `NAME` and `NAME=value` entries."""
    names: list[str] = []
    values: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if equals:
            values[name] = value
        else:
            names.append(name)
    return tuple(names), values
