"""Runs a few tests again in exactly the order in which they were named."""

from __future__ import annotations

from collections.abc import Sequence

import pytest


class Replay:
    """Keeps the order of a chain, whatever other plugins make of it.

    Args:
        tests: node ids in running order.
    """

    def __init__(self, tests: Sequence[str]) -> None:
        self._rank = {nodeid: place for place, nodeid in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests into their order."""
        items.sort(key=lambda item: self._rank.get(item.nodeid, len(self._rank)))
