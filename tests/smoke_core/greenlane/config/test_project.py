"""What a project declares of itself, in every form that Python projects have."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.config.poetry import requirement_of, specifier
from greenlane.config.project import Project, read_project

BACKEND = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
POETRY = """\
[tool.poetry]
name = "poems"
[tool.poetry.dependencies]
python = "^3.11"
[tool.poetry.extras]
all = ["six"]
[tool.poetry.group.test.dependencies]
pytest = "^8.4"
respx = { version = "~0.22", extras = ["a", "b"], markers = "sys_platform == 'linux'", python = ">=3.12" }
[tool.poetry.dev-dependencies]
black = "*"
"""


def project(folder: Path, **files: str) -> Project:
    """Return what is declared by files, named without their dot and end."""
    names = {"pyproject": "pyproject.toml", "cfg": "setup.cfg", "py": "setup.py"}
    for key, text in files.items():
        (folder / names[key]).write_text(text)
    return read_project(folder)


def test_poetrys_groups_are_requirements(tmp_path: Path) -> None:
    """Poetry's tables give groups, extras and a name, though no standard tool reads them."""
    found = project(tmp_path, pyproject=POETRY + BACKEND)
    assert (found.name, found.package, found.standard, found.all_extras) == ("poems", True, False, False)
    assert found.extras == ("all",)
    assert found.groups == {
        "test": (
            "pytest>=8.4,<9",
            "respx[a,b]>=0.22,<0.23 ; (sys_platform == 'linux') and python_version >= '3.12'",
        ),
        "dev": ("black",),
    }


def test_pdms_groups_are_requirements(tmp_path: Path) -> None:
    """PDM's development tables are requirements already; what they install for editing is the project itself."""
    text = '[project]\nname = "a"\n[tool.pdm.dev-dependencies]\ntest = ["pytest>=8", "-e file:///x#egg=x"]\n'
    assert project(tmp_path, pyproject=text).groups == {"test": ("pytest>=8",)}


@pytest.mark.parametrize(
    ("files", "package", "name"),
    [
        ({"cfg": "[metadata]\nname = old\n", "py": "from setuptools import setup\nsetup()\n"}, True, "old"),
        ({"py": "from setuptools import setup\nsetup(name='x')\n"}, True, ""),
        ({"cfg": "[flake8]\nmax-line-length = 120\n"}, False, ""),
        ({"cfg": "no ini at all"}, False, ""),
        ({"pyproject": "[build-system]\nrequires = []\n"}, True, ""),
        ({"pyproject": "[project]\nname = 'x'\n"}, False, "x"),
        ({"pyproject": BACKEND + "[project]\nname = 'x'\n", "cfg": "[flake8]\n"}, True, "x"),
        ({}, False, ""),
    ],
)
def test_what_is_a_package(tmp_path: Path, files: dict[str, str], package: bool, name: str) -> None:
    """A wheel is built of what declares a backend or is setuptools' by its files; tests alone are a project, too."""
    found = project(tmp_path, **files)
    assert (found.package, found.name) == (package, name)


def test_extras_that_only_the_backend_knows(tmp_path: Path) -> None:
    """Names of extras are all known only where the standard table says so."""
    dynamic = BACKEND + "[project]\nname = 'x'\ndynamic = ['optional-dependencies']\n"
    assert not project(tmp_path, pyproject=dynamic).all_extras
    assert project(tmp_path, pyproject=BACKEND + "[project]\nname = 'x'\n").all_extras
    extras = project(tmp_path, pyproject="", cfg="[metadata]\nname = a\n[options.extras_require]\ntests = six\n").extras
    assert extras == ("tests",)


@pytest.mark.parametrize(
    ("poetry", "standard"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.3", ">=0.3,<0.4"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.4", "~=1.4"),
        ("1.2.*", "==1.2.*"),
        ("1.2", "==1.2"),
        ("= 1.2", "==1.2"),
        ("*", ""),
        (">=1.2,<3", ">=1.2,<3"),
        (">= 1.2 < 3", ">=1.2,<3"),
        ("!=1.5,>=1", "!=1.5,>=1"),
        ("^1 || ^2", ">=2,<3"),
    ],
)
def test_poetrys_constraints(poetry: str, standard: str) -> None:
    """Each form of Poetry's documentation has its counterpart."""
    assert specifier(poetry) == standard


def test_poetrys_sources() -> None:
    """Repositories, addresses, folders and several entries for one name."""
    assert [*requirement_of("a", {"git": "https://x/a.git", "tag": "v1"})] == ["a @ git+https://x/a.git@v1"]
    assert [*requirement_of("a", {"url": "https://x/a.whl"})] == ["a @ https://x/a.whl"]
    assert [*requirement_of("a", [{"version": "1", "python": "<3.9"}, {"version": "2"}])] == [
        "a==1 ; python_version < '3.9'",
        "a==2",
    ]
    assert [*requirement_of("python", "^3.11")] == []
