"""Runs a shard that pulls whole files from the run's queue, in place of pytest's own loop over a fixed list."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from greenlane.evidence.journal import Pulled
from greenlane.plugin.channel import Channel
from greenlane.plugin.journal import Journal
from greenlane.plugin.selection import Selection
from greenlane.sharding.assignment import file_of
from greenlane.sharding.pulling import Enter, Given, Next, Peek

INTERNAL = 3


class Between(pytest.Item):
    """Stands for the unknown test after a file: what belongs to the session is kept, all else is torn down."""

    def runtest(self) -> None:
        """Be never run."""


class Puller:
    """Pulls, runs, and says when a file is finished.

    Args:
        selection: knows which tests are free to be pulled; journal: where each pulled file is written.
        channel: to who asks the queue.
    """

    def __init__(self, selection: Selection, journal: Journal, channel: Channel) -> None:
        self._selection = selection
        self._journal = journal
        self._channel = channel

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests that are pinned here, then one pulled file after the other."""
        if session.testsfailed or session.config.option.collectonly:
            return None  # pytest's own loop knows what to do then
        pinned = [item for item in session.items if item.nodeid not in self._selection.free]
        files: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            if item.nodeid in self._selection.free:
                files.setdefault(file_of(item.nodeid), []).append(item)
        # One loop for both, so that the queue is entered before anything runs: another collection is told at once.
        self._ask(Enter(collection=self._selection.collection, files=tuple(files)))
        self._run(session, pinned)
        given = self._ask(Next())
        while given.file:
            items = files[given.file]
            self._journal.write(Pulled, file=given.file, tests=tuple(item.nodeid for item in items))
            self._run(session, items)
            given = self._ask(Next(done=given.file))
        return True

    def _run(self, session: pytest.Session, items: Sequence[pytest.Item]) -> None:
        """Run tests; what belongs to the session is torn down with the last one that there can be."""
        for number, item in enumerate(items, 1):
            following: pytest.Item | None = items[number] if number < len(items) else None
            if following is None and self._ask(Peek()).more:
                following = Between.from_parent(session, name="another file")
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)

    def _ask(self, message: Enter | Next | Peek) -> Given:
        self._channel.send(message)
        given = self._channel.receive(Given)
        if given is None or given.failure:
            why = given.failure if given else "the supervisor has gone"
            pytest.exit(f"greenlane: the queue cannot be used: {why}", returncode=INTERNAL)
        return given
