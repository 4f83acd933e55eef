"""The small projects that the tests of the leak guard run."""

PACKAGE = """
from collections import defaultdict


class HttpToolsInvoker:
    timeout = 5
    hosts = []

    def headers(self):
        return {"x": "1"}


SETTINGS = {"db": {"url": "real"}, "ports": [1]}
NAMES = ["a"]
TAGS = {"t"}
flag = True
counter = 0
_cache = {}
_next_id = 0
_defaults = defaultdict(int)


def count():
    global counter
    counter += 1


def new_id():
    global _next_id
    _next_id += 1


def cached(key):
    new_id()
    _defaults[key]
    return _cache.setdefault(key, object())
"""

LAZY = """
import logging
import warnings

warnings.filterwarnings("ignore", message="made by the import of lazy")
logging.getLogger("agent_proxy.lazy").addHandler(logging.StreamHandler())
VALUE = 1
"""

POLLUTER = """
import asyncio, locale, logging, os, signal, socket, subprocess, sys, threading, types, warnings
from pathlib import Path
from unittest import mock

import agent_proxy
from helpers import mask

KEEP = []
LOOP = asyncio.new_event_loop()
Real = agent_proxy.HttpToolsInvoker


class _FakeInvoker:
    pass


class Finder:
    @classmethod
    def find_spec(cls, *words):
        return None


class Policy(asyncio.DefaultEventLoopPolicy):
    pass


async def forever():
    await asyncio.Event().wait()


def test_polluter():
    agent_proxy.HttpToolsInvoker = _FakeInvoker  # replaced
    agent_proxy.added = 1  # added
    del agent_proxy.flag  # deleted
    agent_proxy.count()
    Real.timeout = mock.ANY  # class attribute
    Real.hosts.append("h")  # class container
    agent_proxy.NAMES.append("b")  # list
    agent_proxy.SETTINGS["db"]["url"] = "fake"  # nested
    agent_proxy.TAGS.add("u")  # set
    os.environ["POLLUTED"] = "1"  # environ
    os.environ["API_KEY"] = "hunter2"  # secret
    sys.path.append("/nowhere")  # path
    sys.modules["fake"] = types.ModuleType("fake")  # fake module
    sys.modules["json"] = mock.Mock()  # replaced module
    sys.meta_path.append(Finder)  # finder
    os.chdir("/")  # cwd
    mask()
    logging.getLogger().setLevel(logging.DEBUG)  # level
    logging.getLogger("its.own").setLevel(logging.DEBUG)
    logging.getLogger("its.own").propagate = False  # propagate
    logging.getLogger("brand.new").addHandler(logging.StreamHandler())  # handler
    logging.disable(logging.ERROR)  # disable
    warnings.simplefilter("ignore")  # warnings
    signal.signal(signal.SIGUSR1, lambda *words: None)  # signal
    locale.setlocale(locale.LC_ALL, "C")  # locale
    socket.setdefaulttimeout(3)  # timeout
    asyncio.set_event_loop_policy(Policy())  # policy
    threading.Timer(600, print).start()  # thread
    KEEP.append(subprocess.Popen(["sleep", "600"]))  # process
    KEEP.append(LOOP.create_task(forever()))  # task
    KEEP.append(socket.create_server(("127.0.0.1", 0)))  # port
    Path(__file__).with_name("left.txt").write_text("x")  # file
    Path(__file__).with_name("folder").mkdir()  # folder
"""

VICTIM = """
import asyncio, json, locale, logging, os, signal, socket, subprocess, sys, threading, warnings
from pathlib import Path

import agent_proxy

HERE = os.getcwd()
WARNED = []


def test_victim():
    assert agent_proxy.HttpToolsInvoker().headers() == {"x": "1"}
    assert (agent_proxy.HttpToolsInvoker.timeout, agent_proxy.HttpToolsInvoker.hosts) == (5, [])
    assert not hasattr(agent_proxy, "added")
    assert agent_proxy.flag is True
    assert agent_proxy.counter in (0, 1)  # the package counts by itself: nobody undoes that
    assert (agent_proxy.NAMES, agent_proxy.TAGS) == (["a"], {"t"})
    assert agent_proxy.SETTINGS == {"db": {"url": "real"}, "ports": [1]}
    assert "POLLUTED" not in os.environ and "API_KEY" not in os.environ
    assert "/nowhere" not in sys.path
    assert "fake" not in sys.modules and sys.modules["json"] is json
    assert "Finder" not in [getattr(finder, "__name__", "") for finder in sys.meta_path]
    assert os.getcwd() == HERE
    mask = os.umask(0o022)
    os.umask(mask)
    assert mask == 0o022
    assert logging.getLogger().level == logging.WARNING
    assert logging.getLogger("brand.new").handlers == []
    assert logging.root.manager.disable == 0
    assert not [entry for entry in warnings.filters if entry[:3] == ("ignore", None, Warning)]
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert "C.UTF-8" in locale.setlocale(locale.LC_ALL)
    assert socket.getdefaulttimeout() is None
    assert type(asyncio.get_event_loop_policy()).__name__ != "Policy"
    assert subprocess.run(["pgrep", "-P", str(os.getpid()), "sleep"], capture_output=True).stdout == b""
    if "PYTEST_XDIST_WORKER" not in os.environ:  # workers run at the same time, on the same disk
        assert not Path(__file__).with_name("left.txt").exists()
        assert not Path(__file__).with_name("folder").exists()
"""

HELPERS = """
import os


def mask():
    os.umask(0o077)  # umask
"""

CLEAN = """
import asyncio, logging, os, re, signal, socket, subprocess, sys, threading, warnings
from functools import lru_cache

import agent_proxy
import pytest


@lru_cache
def remembered():
    return object()


@pytest.mark.parametrize("n", range(2))
def test_undone(n, monkeypatch, tmp_path, caplog, capsys):
    monkeypatch.setattr(agent_proxy, "HttpToolsInvoker", n)
    monkeypatch.setattr(agent_proxy, "brand_new", n, raising=False)
    monkeypatch.delattr(agent_proxy, "flag")
    monkeypatch.setitem(agent_proxy.SETTINGS, "new", n)
    monkeypatch.setenv("X", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "json", None)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("brand.new.but.plain").debug("x")
    (tmp_path / "f").write_text("x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
    print("x")


def test_caches():
    re.compile("some[thing]new+")
    remembered()
    agent_proxy.cached("k")


def test_lazy_import():
    import agent_proxy.lazy
    import xmlrpc.client
    assert agent_proxy.lazy.VALUE == 1


def test_ended():
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
    subprocess.run(["true"], check=True)
    with socket.create_server(("127.0.0.1", 0)):
        pass


def test_loop():
    async def main():
        await asyncio.gather(asyncio.sleep(0), asyncio.to_thread(print))
    asyncio.run(main())


def test_unittest_style():
    import unittest.mock
    with unittest.mock.patch("agent_proxy.flag", 0), unittest.mock.patch.dict(os.environ, {"A": "b"}, clear=True):
        pass


def test_annotations_and_copies():
    import copy
    copy.copy(agent_proxy.HttpToolsInvoker())
    assert agent_proxy.HttpToolsInvoker.__annotations__ == {}
"""

SCOPES = """
import os, sys, unittest

import agent_proxy
import pytest


def setup_module(module):
    os.environ["XUNIT_MODULE"] = "1"


def teardown_module(module):
    del os.environ["XUNIT_MODULE"]


@pytest.fixture(scope="module", autouse=True)
def tidy():
    agent_proxy.flag = "module"
    agent_proxy.NAMES.append("module")
    yield
    agent_proxy.flag = True
    agent_proxy.NAMES.remove("module")


@pytest.fixture(scope="session")
def untidy_session():
    os.environ["UNTIDY"] = "1"  # session
    agent_proxy.untidy = 1  # session attribute


class TestClass:
    @classmethod
    def setup_class(cls):
        agent_proxy.TAGS.add("class")

    @classmethod
    def teardown_class(cls):
        agent_proxy.TAGS.discard("class")

    def test_sees_the_class(self):
        assert "class" in agent_proxy.TAGS
        assert agent_proxy.flag == "module"
        assert os.environ["XUNIT_MODULE"] == "1"

    def test_undoes_what_the_module_set(self):
        agent_proxy.flag = True  # hidden


class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sys.path.append("/unit")

    @classmethod
    def tearDownClass(cls):
        sys.path.remove("/unit")

    def test_unit(self):
        assert "/unit" in sys.path


def test_no_class_is_left(untidy_session):
    assert agent_proxy.TAGS == {"t"}
    assert agent_proxy.flag is True


def test_last():
    assert os.environ["UNTIDY"] == "1"
"""

SPECIAL = """
import os, sys, threading

import agent_proxy
import pytest

STOP = threading.Event()


@pytest.mark.leaks("the next test reads it")
def test_on_purpose():
    os.environ["ON_PURPOSE"] = "1"


def test_reads_it(monkeypatch):
    assert os.environ["ON_PURPOSE"] == "1"
    monkeypatch.delenv("ON_PURPOSE")


@pytest.mark.leaks
def test_without_reason():
    os.environ["NO_REASON"] = "1"


@pytest.mark.xfail(reason="known")
def test_xfail():
    os.environ["XFAIL"] = "1"
    assert False


def test_fails_too():
    os.environ["FAILS"] = "1"
    assert False


def test_skips():
    os.environ["SKIPS"] = "1"
    pytest.skip("why not")


def test_thread():
    threading.Thread(target=STOP.wait, name="endless", daemon=True).start()


def test_after_the_thread():
    pass


def test_end():
    STOP.set()


@pytest.fixture
def sets():
    os.environ["FIXTURE"] = "1"  # function fixture


def test_fixture(sets):
    pass


def test_warned():
    os.umask(0o077)


def test_switched_off():
    sys.path.append("/off")


def test_allowed():
    agent_proxy.counter = 7


def test_fresh_module():
    import agent_proxy.fresh
    agent_proxy.fresh.VALUE = 2  # fresh


def test_fresh_victim():
    from agent_proxy.fresh import VALUE
    assert VALUE == 1
"""


def line_of(source: str, comment: str) -> int:
    """Return the line of a written file that ends in a comment."""
    lines = source.strip().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {comment}"))
