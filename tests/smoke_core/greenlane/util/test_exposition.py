"""Counters in Prometheus' text format, read by name and labels."""

from __future__ import annotations

import pytest

from greenlane.util.exposition import selector, summed

TEXT = """\
# HELP requests_total Requests { not a series }
# TYPE requests_total counter
requests_total{method="POST",route="/v1/chat, plain",status="400"} 2.0
requests_total{method="GET",route="/v1/{id}",status="400"} 3.0
requests_total{method="GET",route="/v1/{id}",status="4000"} 7.0
requests_total{method="GET",route="/v1/{id}",status="200"} 11.0
# TYPE quiet counter
tokens 1.2e+02
"""


@pytest.mark.parametrize(
    ("counter", "value"),
    [
        ('requests_total{status="400"}', 5),
        ('requests_total{status="400", method="POST"}', 2),
        ('requests_total{status="500"}', 0),
        ("requests_total", 23),
        ("tokens", 120),
        ("quiet_total", 0),
        ("request_total", None),
        ("token", None),
    ],
)
def test_series_are_added_up(counter: str, value: int | None) -> None:
    """All series with the labels count; a counter that has counted nothing is 0, one that nobody has is not there."""
    assert summed(TEXT, counter) == value


@pytest.mark.parametrize("text", ["", "a b", "a{", "a{status=400}", 'a{status="400"', '{status="400"}'])
def test_what_is_no_counter(text: str) -> None:
    """It is refused by its text."""
    with pytest.raises(ValueError, match="is not the name of a counter"):
        selector(text)
