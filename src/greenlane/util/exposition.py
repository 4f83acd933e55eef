"""Counters in the text format of Prometheus: one, or the sum of those series that have certain labels."""

from __future__ import annotations

import re

_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"(?:,\s*|$)')


def selector(text: str) -> tuple[str, dict[str, str]]:
    """Return the name of a counter and the labels that its series must have, from `name{label="value"}`.

    Raises:
        ValueError: it is no such text.
    """
    match = _SELECTOR.fullmatch(text)
    labels = match.group(2) or "" if match else ""
    if match is None or _LABEL.sub("", labels):
        raise ValueError(f'{text!r} is not the name of a counter, as name or name{{label="value"}}')
    return match.group(1), dict(_LABEL.findall(labels))


def summed(exposition: str, counter: str) -> int | None:
    """Return the sum of a counter's series in Prometheus' text format; None when nobody has heard of the counter.

    Args:
        counter: what `selector` takes apart; series that lack one of its labels are left out.
    """
    name, labels = selector(counter)
    total, known = 0.0, False
    for line in exposition.splitlines():
        words = line.split()
        if words[:2] == ["#", "TYPE"]:
            known = known or words[2] in (name, name.removesuffix("_total"))
            continue
        head, _, value = line.rpartition(" ")
        match = None if line.startswith("#") else _SELECTOR.fullmatch(head)
        if match is not None and match.group(1) == name:
            known = True
            own = dict(_LABEL.findall(match.group(2) or ""))
            total += float(value) if labels.items() <= own.items() else 0.0
    return int(total) if known else None
