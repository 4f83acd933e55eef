"""The harness stays readable: modules, functions and imports have an end, and no global changes."""

from __future__ import annotations

import pytest

from support.house import FUNCTION_LINES, IMPORTS, MODULE_LINES, complaints, modules


def test_the_harness_keeps_the_rules() -> None:
    """No module, function or list of imports is longer than the rule says, and nothing changes a global."""
    sources = dict(modules("greenlane"))
    assert "src/greenlane/cli/__init__.py" in sources
    assert [line for name, source in sources.items() for line in complaints(source, name)] == []


LONG = "\n".join("    x = 1" for _ in range(FUNCTION_LINES))
BROKEN = {
    "a module": ("x = 1\n" * (MODULE_LINES + 1), "m: 401 lines"),
    "a function": (f"def f():\n{LONG}", "m:1: f has 41 lines"),
    "imports": ("".join(f"import lib{n}\n" for n in range(IMPORTS + 1)), "m: imports 21 modules"),
    "the standard library": (
        "".join(f"import lib{n}\n" for n in range(IMPORTS - 1)) + "import os\nfrom os.path import join\n",
        "m: imports 21 modules",
    ),
    "a vague name": ("def f(_told):\n    pass", "m:1: the name _told"),
    "a vague attribute": ("def f(x):\n    x.told = 1", "m:2: the name told"),
    "global": ("n = 0\ndef f():\n    global n\n    n = 1", "m:3: global n"),
    "a list": ("found = []\ndef f(x): found.append(x)", "m:2: the global found changes"),
    "a table": ("known: dict = {}\ndef f(x):\n    known[x] = 1", "m:3: the global known changes"),
    "a deletion": ("known = {}\nasync def f(x):\n    del known[x]", "m:3: the global known changes"),
    "an attribute": ("state = object()\ndef f():\n    state.now = 1", "m:3: the global state changes"),
}


@pytest.mark.parametrize(("source", "complaint"), BROKEN.values(), ids=BROKEN.keys())
def test_each_rule_can_be_broken(source: str, complaint: str) -> None:
    """A rule that nothing breaks would say nothing."""
    assert complaints(source, "m") == [complaint]


def test_a_name_of_a_function_is_no_global() -> None:
    """A local, a parameter and a method of the same name are a function's own."""
    source = "found = ()\ndef f(found): found.append(1)\ndef g():\n    found = []\n    found.append(1)"
    assert complaints(source, "m") == []
