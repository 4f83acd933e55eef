"""Knows which test runs and which file is collected, for plugins that record where something happened."""

from __future__ import annotations

from collections.abc import Generator

import pytest


class Place:
    """The node that pytest is at; empty between nodes."""

    def __init__(self) -> None:
        self.nodeid = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Know which file is collected."""
        self.nodeid = collector.nodeid
        try:
            return (yield)
        finally:
            self.nodeid = ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Know which test is running."""
        self.nodeid = item.nodeid
        try:
            return (yield)
        finally:
            self.nodeid = ""
