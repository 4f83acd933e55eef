"""The how-to pages are true: their files are written, their commands run, their output compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.pages import BLOCK, run_page
from support.reference import PAGES
from support.tiny import TinyProject

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize(("page", "lines"), [("first-lane.md", 12), ("live-provider.md", 6)])
def test_a_page_does_what_it_says(make_tiny: Callable[..., TinyProject], page: str, lines: int) -> None:
    """In an empty repository every block of the page has the effect that the page tells."""
    tiny = make_tiny()
    tiny.write("pyproject.toml", f'[tool.greenlane]\nenvironments = "{tiny.environments}"\n\n')
    if page == "first-lane.md":
        (tiny.path / "pyproject.toml").unlink()
    assert run_page(DOCS / page, tiny) == lines


MODEL = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "tiny-1"}]}')

    def log_message(self, *words):
        pass

server = HTTPServer(("127.0.0.1", 0), Server)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""
CONFTEST = """
import types

import pytest

class Reply:
    def json(self):
        message = {"content": "A fox sat."}
        return {"id": "r-1", "model": "tiny-1", "usage": {"completion_tokens": 3}, "choices": [{"message": message}]}

@pytest.fixture
def gateway():
    return types.SimpleNamespace(chat=lambda prompt, model: Reply())

@pytest.fixture
def model():
    return types.SimpleNamespace(
        ask=lambda prompt, seed, response_format: types.SimpleNamespace(text="{}")
    )
"""


SECOND = """
import pytest

@pytest.mark.needs("model")
def test_a_hare(answered):
    answered("Of a hare?", "It ran.", model="tiny-1", tokens=2, request="r-2")
"""


def test_the_tests_of_the_real_model_page_run(tiny: TinyProject) -> None:
    """Pasted beside stand-ins for a project's fixtures, its blocks are green, with their samples and their answer."""
    blocks = [
        text for language, _, text in BLOCK.findall((DOCS / "real-models.md").read_text()) if language == "python"
    ]
    assert len(blocks) == 3
    service = {"command": ["python", "model.py"], "ready": "/", "models": "/"}
    tiny.lanes(nd={"kind": "nondeterministic", "tests": ["tests"], "services": ["model"]})
    tiny.section("services", {"model": service}).write("model.py", MODEL)
    tiny.write("tests/conftest.py", CONFTEST)
    tiny.write("tests/test_second.py", SECOND)
    tiny.test("import json\nimport pytest\n\nPROMPT, SCHEMA = 'Say {}', {}\n\n\n" + "\n\n".join(blocks))
    ran = tiny.nox("nd")
    assert ran.code == 0, ran.output
    assert "test_json  5 of 5 passed, 4 must" in ran.output
    assert "model tiny-1: 2 different answers" in ran.output


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_made_from_the_code(page: str) -> None:
    """Each page is what `python tests/support/reference.py` makes of the code as it is."""
    assert (DOCS.parent / page).read_text(encoding="utf-8") == PAGES[page]()


def test_decisions_are_numbered() -> None:
    """Each decision has a number of its own, without a gap, the same in its name and its title."""
    pages = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for number, page in enumerate(pages, 1):
        assert page.read_text(encoding="utf-8").startswith(f"# {number}. ")
