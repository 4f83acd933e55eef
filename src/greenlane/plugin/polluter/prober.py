"""Runs chains of tests in copies of a process that has collected once, and looks at a victim between them.

It takes the place of pytest's own loop and calls nothing but hooks, so that fixtures, time limits and plugins do what
they do in an ordinary run.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

import msgspec
import pytest

from greenlane.evidence.outcome import Outcome
from greenlane.evidence.search import Attempt, Chain, Inventory, LookForLeaks, Observation, Observations, Task
from greenlane.plugin.channel import Channel
from greenlane.plugin.polluter.forks import ForkedWorker, Say, Work, side_by_side
from greenlane.plugin.process import LaneProcess
from greenlane.plugin.reports import first_line, settle

DIED = "died"
PASSED = Outcome.PASSED.value


class Prober:
    """Answers the tasks of a search.

    Args:
        channel: to who searches.
    """

    def __init__(self, config: pytest.Config, lane: LaneProcess, channel: Channel) -> None:
        self._config = config
        self._lane = lane
        self._channel = channel
        self._items: dict[str, pytest.Item] = {}
        self._errors: list[str] = []
        self._reports: list[pytest.TestReport] = []
        self._ran = 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember files that could not be collected."""
        if report.failed:
            self._errors.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear how the phases of a test went."""
        self._reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> NoReturn:
        """Serve tasks until there are no more, in place of running the tests."""
        self._items = {item.nodeid: item for item in session.items}
        self._channel.send(Inventory(tests=tuple(self._items), errors=tuple(self._errors)))
        while (task := self._channel.receive(Task)) is not None:  # type: ignore[arg-type]
            self._channel.send(self._done(task))
        # Nothing of this process is evidence, and nothing of the lane was run in it that could be torn down.
        os._exit(0)

    def _done(self, task: Task) -> Observations:
        """Do one task in copies of this process, which itself stays as it was after collection."""
        if isinstance(task, Attempt):
            return self._observations(task)
        alone = Chain(tests=(), tail=task.tests[-1:])
        answers, _ = side_by_side([partial(self._leaks, task), partial(self._encoded, alone)], lambda _: False)
        known = [_decoded(answer) if answer else (Observation(outcome=DIED), 0) for answer in answers]
        return Observations(observations=tuple(one for one, _ in known), ran=sum(ran for _, ran in known))

    def _observations(self, attempt: Attempt) -> Observations:
        works: list[Work] = [partial(self._encoded, chain) for chain in attempt.chains]
        answers, words = side_by_side(works, lambda answer: _decoded(answer)[0].found >= 0)
        known = [_decoded(answer) if answer is not None else None for answer in answers]
        if not any(answer and answer[0].found >= 0 for answer in known):
            # Nobody was ended by us: who has not answered has died.
            known = [answer or (Observation(died=word.decode()), 0) for answer, word in zip(known, words, strict=True)]
        return Observations(
            observations=tuple(answer[0] if answer else None for answer in known),
            ran=sum(answer[1] for answer in known if answer),
        )

    def _encoded(self, chain: Chain, say: Say) -> bytes:
        observation = self._follow(chain, say)
        return msgspec.json.encode((observation, self._ran))

    def _follow(self, chain: Chain, say: Say) -> Observation:
        """Run a chain and look; in a copy of the process."""
        items = [self._items[nodeid] for nodeid in chain.tests]
        tail = [self._items[nodeid] for nodeid in chain.tail]
        if not items:
            return self._look(chain, 0, 0, tail)
        clear, looking, began = 0, 0.0, time.monotonic()
        following_look = _step(len(items), price=2.0, test=1.0)
        for count, item in enumerate(items, 1):
            last = count == len(items)
            if count in chain.looks if chain.looks is not None else last or count == following_look:
                before = time.monotonic()
                observation = self._look(chain, count, clear, [item, *tail])
                if observation.found >= 0 or observation.died:
                    return observation
                mean = (before - began - looking) / max(1, count - 1)
                clear, paid = count, time.monotonic() - before
                looking += paid
                following_look = count + _step(len(items) - count, price=paid, test=mean)
            if not last:
                say(item.nodeid.encode())
                self._run(item, items[count])
        return Observation(clear=clear)

    def _look(self, chain: Chain, count: int, clear: int, items: Sequence[pytest.Item]) -> Observation:
        """Return what a copy sees that goes on with other tests."""
        worker = ForkedWorker(partial(self._chain_end, items))
        answer = worker.answer()
        self._ran += len(items)
        if answer is None and worker.last_word.decode() != chain.tail[-1]:
            return Observation(clear=clear, died=worker.last_word.decode())
        end = msgspec.json.decode(answer, type=tuple[str, str]) if answer else (DIED, "the process of the test died")
        return _observation(chain, count, clear, *end)

    def _chain_end(self, items: Sequence[pytest.Item], say: Say) -> bytes:
        return msgspec.json.encode(self._tail(items, say))

    def _tail(self, items: Sequence[pytest.Item], say: Say) -> tuple[str, str]:
        """Run tests to the end of this process; return outcome and cause of the last."""
        end = ("", "")
        for number, item in enumerate(items, 1):
            say(item.nodeid.encode())
            end = self._run(item, items[number] if number < len(items) else None)
        return end

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> tuple[str, str]:
        """Run one test; return its outcome and the first line of what went wrong."""
        self._reports = []
        self._ran += 1
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        fields = settle(self._reports, self._lane.contract.project)
        return Outcome(fields["outcome"]).value, first_line(str(fields.get("cause", "")))

    def _leaks(self, task: LookForLeaks, say: Say) -> bytes:
        """Run tests under the leak guard; in a copy of the process."""
        from greenlane.plugin.leaks.guard import LeakGuard

        guard = LeakGuard(self._config, self._lane.contract, self._lane.journal, alone=True)
        self._config.pluginmanager.register(guard, "greenlane-leaks")
        outcome, cause = self._tail([self._items[nodeid] for nodeid in task.tests], say)
        return msgspec.json.encode((Observation(outcome=outcome, cause=cause), self._ran))


def _step(count: int, *, price: float, test: float) -> int:
    """Return after how many tests to look again, so that looks and what is searched between two of them cost alike.

    Args:
        count: tests that are left.
        price: seconds of one look; test: seconds of one test.
    """
    step = round(math.sqrt(count * price / max(test, 1e-6)))
    return max(1, min(step, (count + 1) // 2))


def _decoded(answer: bytes) -> tuple[Observation, int]:
    return msgspec.json.decode(answer, type=tuple[Observation, int])


def _observation(chain: Chain, count: int, clear: int, outcome: str, cause: str) -> Observation:
    """Return what a look saw."""
    bad = outcome in (Outcome.FAILED.value, Outcome.ERROR.value, DIED)
    found = outcome == PASSED if chain.passing else bad
    return Observation(found=count if found else -1, clear=clear if found else count, outcome=outcome, cause=cause)
