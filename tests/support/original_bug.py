"""The bug that started the project, with its surroundings: one test replaces a class of a package and leaves it so.

The package does in itself what real ones do: it fills maps at first use, registers callbacks at each construction,
completes classes, remembers, counts, and keeps a pool of threads. A dozen tests use it; eleven are innocent.
"""

from __future__ import annotations

GUILTY = "tests/test_tools.py::test_tool_is_called"
"""Node id of the test that does it."""

LINE = "agent_proxy.HttpToolsInvoker = FakeInvoker"
"""What it does."""

FILES = {
    "src/agent_proxy/__init__.py": """
        import logging
        import warnings
        from typing import Protocol

        from agent_proxy import callbacks, errors, models

        warnings.filterwarnings("ignore", message="agent_proxy")


        class Invoker(Protocol):
            def call(self, name): ...


        class HttpToolsInvoker:
            def call(self, name):
                return f"http {name}"


        class Router(Invoker):
            def __init__(self):
                callbacks.success.append(self.on_success)
                callbacks.by_name.setdefault("router", []).append(self)

            def on_success(self):
                pass

            def call(self, name):
                try:
                    return HttpToolsInvoker().call(name)
                finally:
                    errors.load()
                    models.complete(type(self))
        """,
    "src/agent_proxy/callbacks.py": """
        success = []
        by_name = {}
        """,
    "src/agent_proxy/errors.py": """
        ERRORS = {}
        loaded = 0
        _last = None


        def load():
            global ERRORS, loaded, _last
            if not ERRORS:
                ERRORS = {"timeout": TimeoutError}
            loaded += 1
            _last = loaded
            return ERRORS
        """,
    "src/agent_proxy/models.py": """
        FIELDS = {}
        _pool = None


        class Model:
            pass


        def complete(model):
            FIELDS.setdefault(model.__name__, ())
            Model.__model_complete__ = True
            Model.fields_known = FIELDS


        def pool():
            global _pool
            if _pool is None:
                from concurrent.futures import ThreadPoolExecutor

                _pool = ThreadPoolExecutor(2)
            return _pool
        """,
    "tests/conftest.py": """
        import pytest

        import agent_proxy


        @pytest.fixture
        def router():
            return agent_proxy.Router()
        """,
    "tests/test_tools.py": """
        import agent_proxy


        class FakeInvoker:
            def call(self, name):
                return f"fake {name}"


        def test_tool_is_called(router):
            agent_proxy.HttpToolsInvoker = FakeInvoker
            assert router.call("x") == "fake x"


        def test_tool_by_patch(router, monkeypatch):
            monkeypatch.setattr(agent_proxy, "HttpToolsInvoker", FakeInvoker)
            assert router.call("x") == "fake x"


        def test_tool_over_http(router):
            assert router.call("x") == "http x"
        """,
    "tests/test_surroundings.py": """
        import pytest

        import agent_proxy
        from agent_proxy import callbacks, errors, models


        @pytest.mark.parametrize("name", ["a", "b", "c"])
        def test_names(router, name):
            assert router.call(name) == f"http {name}"


        def test_errors():
            assert errors.load()["timeout"] is TimeoutError


        def test_counts():
            before = errors.loaded
            errors.load()
            assert errors.loaded == before + 1


        def test_callbacks(router):
            assert router.on_success in callbacks.success


        def test_models(router):
            router.call("x")
            assert "Router" in models.FIELDS


        def test_pool():
            assert models.pool().submit(len, "ab").result() == 2


        def test_two_routers():
            assert agent_proxy.Router() is not agent_proxy.Router()
        """,
}
"""Text by name of file."""
