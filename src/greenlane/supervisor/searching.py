"""Searches for the polluters of a victim, through a lane process that tries what it is asked to."""

from __future__ import annotations

import difflib
import math
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from greenlane.evidence.outcome import Outcome
from greenlane.evidence.search import (
    Attempt,
    Chain,
    Conclusion,
    Findings,
    Inventory,
    LookForLeaks,
    Observation,
    Observations,
    Task,
)
from greenlane.supervisor.plan import SearchPlan, Sought
from greenlane.supervisor.reduction import Reduction, UnstableError
from greenlane.util.files import write_atomically

T = TypeVar("T")
NEAR = 5
"""How many names like an unknown one are shown."""


class LaneGoneError(Exception):
    """The lane process ended before the search did."""


class ImpatientError(Exception):
    """The searches have taken as long as they may."""


class DeadlyError(Exception):
    """A candidate ends the process that it runs in."""

    def __init__(self, test: str) -> None:
        super().__init__(test)
        self.test = test


class Searching:
    """The searches for some victims, one after the other.

    Args:
        plan: what is searched for.
        end: our end of the socket to the lane process.
    """

    def __init__(self, plan: SearchPlan, end: socket.socket, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._socket = end
        self._lines = end.makefile("rb")
        self._say = say
        self._ran = 0
        self._sought = Sought(victim="")
        self._last = math.inf

    def run(self) -> None:
        """Search, write what was found, and let the lane process go."""
        if self._plan.patience:
            self._last = time.monotonic() + self._plan.patience
        found: list[Findings] = []
        try:
            inventory = self._receive(Inventory)
            likely: tuple[str, ...] = ()
            for sought in self._plan.sought:
                suspects = tuple(dict.fromkeys((*likely, *sought.suspects)))
                self._sought, self._ran = msgspec.structs.replace(sought, suspects=suspects), 0
                found.append(self._search(inventory))
                likely = tuple(dict.fromkeys((*likely, *found[-1].tests)))
        except ImpatientError:
            pass  # what is found by then is the answer
        except (LaneGoneError, OSError):
            return
        finally:
            self._lines.close()
            self._socket.close()
        write_atomically(Path(self._plan.answer), msgspec.json.encode(found))

    def _search(self, inventory: Inventory) -> Findings:
        victim = self._sought.victim
        if victim not in inventory.tests:
            near = difflib.get_close_matches(victim, inventory.tests, NEAR)
            return Findings(conclusion=Conclusion.UNKNOWN, victim=victim, near=tuple(near), notes=_notes(inventory))
        (alone,) = self._try([Chain(tests=(), tail=(victim,))])
        passes = alone is None or alone.found < 0
        seen = self._sought.before if passes else self._sought.helping
        candidates = _candidates(inventory.tests, victim, seen)
        how = "passes alone" if passes else "fails alone"
        self._say(f"{victim} {how}; {len(candidates)} tests could change that; {self._plan.cores} cores")
        cause = alone.cause if alone else ""
        findings, deadly = self._survived(candidates, passes, cause)
        if findings.conclusion is Conclusion.FAILS_ALONE and seen:
            candidates = _candidates(inventory.tests, victim, ())
            findings, deadly = self._survived(candidates, passes, cause)
        notes = (*_notes(inventory), *(f"{test} ends its process, so it was left out" for test in deadly))
        return msgspec.structs.replace(findings, ran=self._ran, candidates=len(candidates) - len(deadly), notes=notes)

    def _survived(self, candidates: Sequence[str], passes: bool, cause: str) -> tuple[Findings, list[str]]:
        """Return what is found among the candidates that leave their process alive, and those that do not."""
        deadly: list[str] = []
        while True:
            try:
                return self._conclude([test for test in candidates if test not in deadly], passes, cause), deadly
            except UnstableError:
                return Findings(conclusion=Conclusion.UNSTABLE, victim=self._sought.victim), deadly
            except DeadlyError as error:
                self._say(f"{error.test} ends its process; going on without it")
                deadly.append(error.test)

    def _conclude(self, candidates: Sequence[str], passes: bool, cause: str) -> Findings:
        """Return what is wrong, and the smallest set of tests that shows it.

        Args:
            candidates: in running order; passes: whether the victim passes alone; cause: of its failure, if not.

        Raises:
            UnstableError: what was seen once was not seen again.
        """
        victim = self._sought.victim
        reduction = Reduction(victim, self._try, self._plan.cores, passing=not passes)
        suspects = tuple(test for test in candidates if test in self._sought.suspects)
        tests = (reduction.smallest(suspects) if suspects else ()) or reduction.smallest(candidates)
        if not tests:
            return Findings(
                conclusion=Conclusion.NEVER_FAILS if passes else Conclusion.FAILS_ALONE, victim=victim, cause=cause
            )
        return Findings(
            conclusion=Conclusion.POLLUTED if passes else Conclusion.NEEDS_HELPER, victim=victim, tests=tests,
            cause=reduction.cause if passes else cause, cured=self._cured(tests, passes),
        )  # fmt: skip

    def _cured(self, tests: tuple[str, ...], passes: bool) -> bool:
        """Return whether the victim ends as it does alone when what the leak guard sees of the tests is put back.

        Raises:
            UnstableError: alone, the victim ended otherwise than before.
        """
        restored, alone = self._ask(LookForLeaks(tests=(*tests, self._sought.victim))).observations
        if restored is None or alone is None or (alone.found < 0) != passes:
            raise UnstableError
        return (restored.outcome == Outcome.PASSED.value) == passes

    def _try(self, chains: Sequence[Chain]) -> Sequence[Observation | None]:
        """Try chains side by side, and tell of it where it takes a while.

        Raises:
            DeadlyError: a test that is not the victim ended its process.
        """
        sizes = [len(chain.tests) for chain in chains]
        if max(sizes, default=0) > 1:
            self._say(f"trying {' and '.join(map(str, sizes))} tests; {self._ran} run so far")
        observations = self._ask(Attempt(chains=tuple(chains))).observations
        deadly = next((one.died for one in observations if one is not None and one.died), "")
        if deadly:
            raise DeadlyError(deadly)
        return observations

    def _ask(self, task: Task) -> Observations:
        """Return what came of a task.

        Raises:
            ImpatientError: no further one may begin.
        """
        if time.monotonic() > self._last:
            raise ImpatientError
        self._socket.sendall(msgspec.json.encode(task) + b"\n")
        answer = self._receive(Observations)
        self._ran += answer.ran
        return answer

    def _receive(self, kind: type[T]) -> T:
        line = self._lines.readline()
        if not line:
            raise LaneGoneError
        return msgspec.json.decode(line, type=kind)


def _candidates(collected: Sequence[str], victim: str, seen: Sequence[str]) -> tuple[str, ...]:
    """Return what may have changed the victim's world, in running order.

    Args:
        collected: every test, in the order of the lane; victim: one of them.
        seen: what ran before the victim when it ended otherwise than alone; empty for unknown: then it is all others,
            those that come before the victim first.
    """
    known = set(collected)
    before = tuple(test for test in seen if test in known)
    if before:
        return before
    place = collected.index(victim)
    return (*collected[:place], *collected[place + 1 :])


def _notes(inventory: Inventory) -> tuple[str, ...]:
    """Return what could not be looked at."""
    return tuple(f"{name} could not be collected, so its tests were left out" for name in inventory.errors)
