"""What a client may not decide is taken out of a request, and leaves nothing behind that a provider would read."""

from __future__ import annotations

from mini_agent.core.steering import without_steering


def test_a_container_that_held_orders_only_is_gone() -> None:
    """One with anything else keeps that, and an empty one that the client sent stays as it was sent."""
    assert without_steering({"extra_body": {"api_key": "x"}, "temperature": 0.5}) == {"temperature": 0.5}
    assert without_steering({"extra_body": {"api_key": "x", "top_k": 3}}) == {"extra_body": {"top_k": 3}}
    assert without_steering({"extra_body": {}, "metadata": {}}) == {"extra_body": {}, "metadata": {}}
