"""Watches a suite that is looked at for the first time: its marks, and which secrets' names it reads."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from greenlane.evidence.journal import Marked, SecretRead
from greenlane.plugin.journal import Journal
from greenlane.plugin.place import Place

SECRET = re.compile(r"(?:^|_)(?:API_?KEY|ACCESS_KEY|SECRET|SECRET_KEY|TOKEN|PASSWORD|CREDENTIALS?)(?:$|_(?:ID|FILE)$)")
"""Names of environment variables that carry secrets, as people write them."""

PASSING = ("os", "collections.abc", "_collections_abc")
"""Modules through which a reading goes: `os.getenv` and `get` of mappings."""

REMEMBERING = ("monkeypatch.py", "mock.py")
"""Files that read a variable only to put it back."""


class Observer(Place):
    """Records what helps to tell where each test belongs."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self._seen: set[tuple[str, str]] = set()
        self._encode: Callable[[Any], Any] | None = None

    def start(self) -> None:
        """Begin to see which variables are read; every way to `os.environ` encodes the name that it is given."""
        environ: Any = os.environ
        encode = self._encode = environ.encodekey

        def encodekey(name: Any) -> Any:
            encoded = encode(name)
            if isinstance(name, str) and SECRET.search(name) and encoded not in environ._data:
                self._read(name, sys._getframe(1))
            return encoded

        environ.encodekey = encodekey

    def close(self) -> None:
        """See no more."""
        if self._encode is not None:
            environ: Any = os.environ
            environ.encodekey = self._encode

    def _read(self, name: str, frame: FrameType | None) -> None:
        """Record that a secret that is not there was asked for."""
        if frame is None or frame.f_code.co_name in ("__setitem__", "__delitem__"):
            return
        while frame is not None and frame.f_globals.get("__name__") in PASSING:
            frame = frame.f_back
        if frame is not None and frame.f_code.co_filename.endswith(REMEMBERING):
            return
        if (self.nodeid, name) not in self._seen:
            self._seen.add((self.nodeid, name))
            self._journal.write(SecretRead, nodeid=self.nodeid, name=name)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the marks of every test."""
        marks = {item.nodeid: tuple(sorted({mark.name for mark in item.iter_markers()})) for item in session.items}
        self._journal.write(Marked, marks={nodeid: names for nodeid, names in marks.items() if names})
