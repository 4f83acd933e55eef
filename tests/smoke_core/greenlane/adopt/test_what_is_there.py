"""What `greenlane init` reads of a repository: pytest's settings, where tests are, what they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.adopt.requirements import choose, said
from greenlane.adopt.skip_conditions import imported_names, kept_out, skip_conditions
from greenlane.adopt.tox import Installed
from greenlane.config.project import read_project
from greenlane.config.pytest_settings import read_pytest
from greenlane.errors import ConfigError
from greenlane.run.suite import suite_of

NOTHING = Installed(source="")


def write(folder: Path, **files: str) -> Path:
    """Write files; `__` in a name is a slash and `_dot_` a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


INI = "testpaths = checks\naddopts = -ra -n 2\nmarkers =\n    slow: takes long\n    net(x): y\n"
TOML = 'testpaths = ["checks"]\naddopts = ["-ra", "-n", "2"]\nmarkers = ["slow: takes long", "net: y"]\n'
SETTINGS = {
    "pytest_dot_ini": f"[pytest]\n{INI}",
    "tox_dot_ini": f"[tox]\nx = 1\n[pytest]\n{INI}",
    "setup_dot_cfg": f"[tool:pytest]\n{INI}",
    "pyproject_dot_toml": "[tool.pytest.ini_options]\n" + TOML.replace('["-ra", "-n", "2"]', '"-ra -n 2"'),
    "pytest_dot_toml": f"[pytest]\n{TOML}",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_form_of_pytests_settings(tmp_path: Path, name: str) -> None:
    """Each file that pytest reads is read, with its source."""
    found = read_pytest(write(tmp_path, **{name: SETTINGS[name]}))
    assert found.source.startswith(name.replace("_dot_", "."))
    assert (found.testpaths, found.addopts) == (("checks",), ("-ra", "-n", "2"))
    assert found.markers == {"slow": "takes long", "net": "y"}


def test_the_strongest_file_counts(tmp_path: Path) -> None:
    """As pytest does: an empty pytest.ini hides pyproject.toml, which hides tox.ini."""
    write(tmp_path, tox_dot_ini=SETTINGS["tox_dot_ini"], pyproject_dot_toml="[tool.pytest]\ntestpaths = ['a']\n")
    assert read_pytest(tmp_path).testpaths == ("a",)
    assert read_pytest(write(tmp_path, pytest_dot_ini="")).source == "pytest.ini"


def test_where_tests_are(tmp_path: Path) -> None:
    """The usual folder, alone; without it each place that has tests; environments and other projects are none."""
    text = "def test_a(): pass\n"
    write(tmp_path, src__pkg__tests__test_a_dot_py=text, test_top_dot_py=text, venv__test_b_dot_py=text)
    write(tmp_path, examples__x__setup_dot_py="", examples__x__test_c_dot_py=text, lib__deep__test_d_dot_py=text)
    assert suite_of(tmp_path, read_pytest(tmp_path)) == ("lib/deep", "src/pkg/tests", "test_top.py")
    write(tmp_path, tests__unit__test_e_dot_py=text)
    assert suite_of(tmp_path, read_pytest(tmp_path)) == ("tests",)
    write(tmp_path, pytest_dot_ini="[pytest]\ntestpaths = lib/* nowhere\n")
    assert suite_of(tmp_path, read_pytest(tmp_path)) == ("lib/deep",)


EXTRA = "[project]\nname = 'a'\n[project.optional-dependencies]\ntest = []\n"
TOX = "[testenv]\ndeps =\n    respx>=1  # why\n    py311: no\n    -rreq.txt\n    -cc.txt\n"
HATCH = "[tool.hatch.envs.hatch-test]\nextra-dependencies = ['respx']\nfeatures = ['f']\n"
NEEDS = [
    ("pyproject_dot_toml", "[dependency-groups]\ndev = ['x']\ntests = ['y']\n", "group tests", "[dependency-groups]"),
    ("pyproject_dot_toml", EXTRA, "extra test", "an extra"),
    ("pyproject_dot_toml", "[tool.poetry.group.test.dependencies]\nrespx = '*'\n", "group test", "[tool]"),
    ("pyproject_dot_toml", "[tool.pdm.dev-dependencies]\ntest = ['respx']\n", "group test", "[tool]"),
    ("setup_dot_cfg", "[metadata]\nname = a\n[options.extras_require]\ntesting = six\n", "extra testing", "an extra"),
    ("tox_dot_ini", TOX, "respx>=1, req.txt", "tox.ini [testenv]"),
    ("tox_dot_ini", "[testenv]\ndeps = -r req/t.txt\n", "req/t.in", "tox.ini [testenv]"),
    ("tox_dot_toml", "[env_run_base]\ndeps = ['respx']\n", "respx", "tox.toml"),
    ("pyproject_dot_toml", HATCH, "extra f, respx", "[tool.hatch.envs.hatch-test]"),
    ("requirements__test_dot_txt", "", "requirements/test.txt", "requirements/test.txt"),
    ("unrelated_dot_txt", "", "requirements.txt", "requirements.txt"),
]


@pytest.mark.parametrize(("name", "text", "told", "source"), NEEDS)
def test_what_tests_need(tmp_path: Path, name: str, text: str, told: str, source: str) -> None:
    """Every place where projects say it is found, and said with its source; files that are pinned come last."""
    write(tmp_path, req_dot_txt="", req__t_dot_txt="", req__t_dot_in="", requirements_dot_txt="", **{name: text})
    found = choose(tmp_path, read_project(tmp_path), NOTHING)
    assert said(found) == told
    assert source in found.source


def test_a_tool_that_installs_more_than_the_group_is_believed(tmp_path: Path) -> None:
    """The group of the tests is not all that they need where tox gives them an extra besides; the same is no news."""
    text = "[project]\nname = 'a'\n[project.optional-dependencies]\ntrio = []\n[dependency-groups]\ntest = []\n"
    write(tmp_path, pyproject_dot_toml=text, tox_dot_toml="[env_run_base]\ndependency_groups = ['test']\n")
    assert choose(tmp_path, read_project(tmp_path), NOTHING).source == "pyproject.toml [dependency-groups]"
    more = "[env_run_base]\ndependency_groups = ['test']\nextras = ['trio']\n"
    found = choose(tmp_path, read_project(write(tmp_path, tox_dot_toml=more)), NOTHING)
    assert (said(found), found.source) == ("group test, extra trio", "tox.toml env_run_base")


def test_nothing_says_what_tests_need(tmp_path: Path) -> None:
    """Then nothing is chosen."""
    assert not choose(tmp_path, read_project(tmp_path), NOTHING).anything


def test_the_caller_knows_better(tmp_path: Path) -> None:
    """What is asked for is taken instead; what is not there is refused with what is."""
    write(tmp_path, pyproject_dot_toml="[project]\nname = 'a'\n[dependency-groups]\ntests = []\nmore = []\n")
    project = read_project(tmp_path)
    assert choose(tmp_path, project, Installed(source="asked", groups=("more",))).groups == ("more",)
    for asked in ({"groups": ("mor",)}, {"extras": ("x",)}, {"requirements": ("no.txt",)}):
        with pytest.raises(ConfigError, match=r"known: tests, more|known: none|no\.txt does not exist"):
            choose(tmp_path, project, Installed(source="asked", **asked))


def test_the_conditions_of_skips(tmp_path: Path) -> None:
    """Those of the test, its class and its file; a name that stands for a mark or a condition is followed."""
    text = """
import sys, pytest
OLD = sys.version_info < (3, 13)
windows = pytest.mark.skipif(sys.platform == "win32", reason="x")
pytestmark = pytest.mark.skipif(not PYPY, reason="x")
@windows
def test_a(): pass
@pytest.mark.skipif(OLD, reason="x")
class TestB:
    def test_c(self): pass
"""
    write(tmp_path, test_it_dot_py=text, test_bad_dot_py="def (")
    tests = ("test_it.py::test_a[1]", "test_it.py::TestB::test_c", "test_bad.py::x")
    found = skip_conditions(tmp_path, dict.fromkeys(tests, "x"))
    assert found == {
        "test_it.py::test_a[1]": 'sys.platform == "win32" ; PYPY',
        "test_it.py::TestB::test_c": "sys.version_info < (3, 13) ; PYPY",
    }


def test_a_condition_with_other_words_is_another_skip(tmp_path: Path) -> None:
    """Of two marks the one counts whose reason is the skip's; one that computes its reason may be it."""
    text = """
import os, sys, pytest
@pytest.mark.skipif(sys.platform == "win32", reason="no modes on Windows")
@pytest.mark.skipif(not hasattr(os, "lchmod"), reason="os.lchmod() is not available")
@pytest.mark.skipif(OLD, reason=f"{OLD}")
def test_a(): pass
"""
    write(tmp_path, test_it_dot_py=text)
    found = skip_conditions(tmp_path, {"test_it.py::test_a": "os.lchmod() is not available"})
    assert found == {"test_it.py::test_a": 'hasattr(os, "lchmod") ; OLD'}


def test_a_module_is_told_from_a_feature(tmp_path: Path) -> None:
    """What is not available is a module where some file imports it, be it in a block; else nobody can say."""
    write(
        tmp_path,
        src__a_dot_py="try:\n    import trio\nexcept ImportError:\n    pass\n",
        _dot_nox__b_dot_py="import IPv6",
    )
    write(tmp_path, tests__conftest_dot_py="from better_exceptions import x\nimport rich.table\n")
    known = {"trio is not available": "trio", "Needs Rich.": "rich", "needs better-exceptions": "better_exceptions"}
    reasons = [*known, "IPv6 is not available", "devices are not available", "Windows only", "requires a network"]
    assert imported_names(tmp_path, reasons) == {said: f"could not import '{name}'" for said, name in known.items()}


def test_what_a_conftest_keeps_out(tmp_path: Path) -> None:
    """The condition of the block that names the file, in words that say the version."""
    text = 'collect_ignore = []\nif not PY_3_14_PLUS:\n    collect_ignore.extend(["test_new.py"])\n'
    write(tmp_path, tests__conftest_dot_py=text + 'if WIN:\n    x = ["b.py"]\n')
    found = kept_out(tmp_path, ["tests/test_new.py::test_a", "tests/deep/b.py::test_b", "tests/c.py::test_c"])
    assert found == {"tests/test_new.py::test_a": "not python 3.14", "tests/deep/b.py::test_b": "WIN"}
