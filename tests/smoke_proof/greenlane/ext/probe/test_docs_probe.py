"""`docs/probe.md` is true: its commands are run against a healthy gateway and one without roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mutants.healthy import Exchange, Seams, running
from mutants.mutant import Sent
from support.pages import run_page
from support.tiny import TinyProject

PAGE = Path(__file__).parents[5] / "docs" / "probe.md"


def _without_role(events: list[Sent], _x: Exchange) -> list[Sent]:
    first: Any = events[0].data
    choice = {**first["choices"][0], "delta": {"content": ""}}
    return [Sent({**first, "choices": [choice]}), *events[1:]]


def test_every_command_prints_what_the_page_says(tiny: TinyProject, tmp_path: Path) -> None:
    """Each command prints the lines below it, in this order."""
    with running() as (healthy, _), running(Seams(events=_without_role)) as (sick, _):
        text = PAGE.read_text(encoding="utf-8").replace("http://127.0.0.1:8080", healthy)
        page = tmp_path / "probe.md"
        page.write_text(text.replace("http://127.0.0.1:8081", sick), encoding="utf-8")

        assert run_page(page, tiny) == 18
