"""The guards survive any object, and make no blocking call in a running event loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.journal import Leaked
from support.lane_project import LaneProject, LaneRun

ZOO = """
import logging
import sys
import types
from collections import OrderedDict, deque
from unittest import mock


class Raises:
    def _no(self, *words):
        raise RuntimeError("do not ask me")

    __getattr__ = __eq__ = __ne__ = __bool__ = __hash__ = __repr__ = __len__ = __iter__ = __call__ = _no
    __class__ = property(_no)


class Everything:
    def __getattribute__(self, name):
        return self

    def __call__(self, *words, **named):
        return self

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


class Closed:
    def __getattribute__(self, name):
        raise RuntimeError(name)


class Liar:
    __class__ = dict

    def __eq__(self, other):
        return True

    __hash__ = None


class Meta(type):
    def __getattribute__(cls, name):
        raise RuntimeError(name)

    def __eq__(cls, other):
        raise RuntimeError

    def __hash__(cls):
        raise RuntimeError


class Strange(metaclass=Meta):
    pass


class LyingList(list):
    def __iter__(self):
        raise RuntimeError

    def __len__(self):
        return 7


class LyingDict(dict):
    def keys(self):
        raise RuntimeError

    __iter__ = __len__ = items = values = copy = keys


class LyingSet(set):
    def __iter__(self):
        raise RuntimeError


class LyingDeque(deque):
    def __iter__(self):
        raise RuntimeError

    def __copy__(self):
        raise RuntimeError


class LazyModule(types.ModuleType):
    def __getattribute__(self, name):
        raise RuntimeError(name)


class Handler(logging.StreamHandler):
    def __eq__(self, other):
        raise RuntimeError

    __hash__ = object.__hash__


animals = [
    mock.call, mock.call.a.b(1), mock.MagicMock(), mock.ANY, mock.sentinel.a, Raises(), Everything(), Closed(), Liar(),
    Strange, object(),
]
call, everything, closed, liar, raises, strange = mock.call, Everything(), Closed(), Liar(), Raises(), Strange
lying_list, lying_dict, lying_deque = LyingList([1]), LyingDict(a=1), LyingDeque([1])
lying_set = LyingSet()
lazy = LazyModule("lazy")
"""

TESTS = """
import logging
import sys
from unittest import mock
from unittest.mock import call

import pytest

import agent_proxy
from agent_proxy import animals, call as theirs, closed, everything, lazy, liar, raises, strange

NAMES = ["call", "everything", "closed", "liar", "raises", "strange"]


def helper(value):
    return call, everything, closed, liar, raises, strange, lazy, value


@pytest.mark.parametrize("number", range(11))
def test_put_in(number):
    helper(number)
    agent_proxy.added = animals[number]


@pytest.mark.parametrize("name", NAMES)
def test_taken_out(name):
    helper(name)
    setattr(agent_proxy, name, None)


@pytest.mark.parametrize("number", range(11))
def test_into_containers(number):
    agent_proxy.lying_list.append(animals[number])
    agent_proxy.lying_deque.append(animals[number])
    dict.__setitem__(agent_proxy.lying_dict, "b", animals[number])
    agent_proxy.lying_set.add(number)


@pytest.mark.parametrize("number", range(11))
def test_into_modules(number):
    sys.modules["animal"] = animals[number]


def test_lazy_module():
    sys.modules["animal"] = lazy


def test_finder(monkeypatch):
    sys.meta_path.append(closed)


def test_handlers():
    logging.getLogger("agent_proxy").handlers.append(agent_proxy.Handler())
    logging.getLogger("agent_proxy").addFilter(agent_proxy.everything)


def test_after_all():
    assert list.__len__(agent_proxy.lying_list) == 1
    assert dict.__len__(agent_proxy.lying_dict) == 1
    assert not hasattr(agent_proxy, "added")
    assert agent_proxy.call is theirs
    assert "animal" not in sys.modules
"""

LOOP = """
import asyncio
import os
import pathlib
import socket

import pytest

BLOCKING = (
    (os, "stat"), (os, "lstat"), (os, "getcwd"), (os, "readlink"), (os, "listdir"), (os, "access"),
    (os.path, "abspath"), (os.path, "islink"), (os.path, "realpath"), (os.path, "exists"), (os, "write"), (os, "read"),
)


@pytest.fixture(autouse=True)
def nothing_blocks(monkeypatch):
    def guard(original):
        def checked(*words, **named):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return original(*words, **named)
            raise AssertionError(f"a blocking call of {original} in a running loop")
        return checked

    for owner, name in BLOCKING:
        monkeypatch.setattr(owner, name, guard(getattr(owner, name)))


def test_in_a_loop():
    async def main():
        open("left.txt", "w").close()
        os.environ["LEFT"] = "1"
        with socket.socket(socket.AF_UNIX) as client:
            with pytest.raises(OSError):
                client.connect("nobody.sock")
        with socket.create_server(("127.0.0.1", 0)):
            pass
        with pytest.raises(OSError):
            socket.create_connection(("192.0.2.1", 80), 1)
        os.chdir("/")

    asyncio.run(main())
"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> LaneRun:
    """A package full of such objects, and tests that handle them and clean nothing up."""
    project = LaneProject(tmp_path_factory.mktemp("zoo"))
    project.write("src/agent_proxy/__init__.py", ZOO)
    project.write("tests/test_it.py", TESTS)
    return project.run("-n", "0", "--tb=short", leaks=LeakPolicy(watch=("agent_proxy",)))


def test_every_animal_is_named_and_put_back(zoo: LaneRun) -> None:
    """Each test that left one behind is red for that alone, and the last test finds all as it was."""
    assert zoo.outcomes.pop("test_after_all") == "passed", zoo.output
    others = {name: outcome for name, outcome in zoo.outcomes.items() if name != "test_after_all"}
    assert set(others.values()) == {"error"}, zoo.output
    assert "INTERNALERROR" not in zoo.output
    assert {leak.nodeid.partition("::")[2] for leak in zoo.of(Leaked)} == set(others)
    assert {leak.restored for leak in zoo.of(Leaked)} == {True}


def test_no_blocking_call_in_a_running_loop(tmp_path: Path) -> None:
    """Files, variables, sockets and folders that a coroutine touches are watched without a call that blocks."""
    project = LaneProject(tmp_path)
    project.write("tests/test_it.py", LOOP)
    run = project.run("-n", "0", leaks=LeakPolicy(), network=False, hermetic="kernel")

    assert "a blocking call of" not in run.output
    assert {"environ:LEFT", "cwd:cwd", "files:left.txt"} <= set(run.leaks("::test_in_a_loop")), run.output
    assert [attempt.address for attempt in run.attempts("::test_in_a_loop")] == ["192.0.2.1:80"]
