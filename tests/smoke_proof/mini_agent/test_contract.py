"""The contract of the gateway (docs/reference/gateway.md) and the code are about the same things."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mini_agent.core.errors import ERROR_TABLE
from mini_agent.settings import Settings, schema

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "gateway.md").read_text(encoding="utf-8")
SECTIONS = frozenset(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", PAGE, re.MULTILINE))
NUMBER = r"\d+(?:\.\d+)?"
CITED = re.compile(rf"GATEWAY ({NUMBER}(?:(?:, | and |–){NUMBER})*)")


def sources() -> list[Path]:
    """Returns: everything that may cite the contract."""
    folders = ("src/mini_agent", "tests", "benchmarks", "docs")
    return [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md")]


def section(number: str) -> str:
    """Returns: the text of a section."""
    start = re.search(rf"^#{{2,3}} {re.escape(number)}\.? ", PAGE, re.MULTILINE)
    assert start is not None, number
    rest = PAGE[start.end() :]
    end = re.search(r"^#{2,3} \d", rest, re.MULTILINE)
    return rest if end is None else rest[: end.start()]


def test_every_cited_section_exists() -> None:
    """Who follows a citation finds what it names, and every room of the gateway cites its part."""
    cited = {
        (str(path.relative_to(ROOT)), number)
        for path in sources()
        for found in CITED.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(NUMBER, found)
    }
    assert sorted((path, number) for path, number in cited if number not in SECTIONS) == []
    assert len(cited) > 50


def test_the_page_points_at_sections_that_it_has() -> None:
    """`§7.4` within the page is one of its own."""
    pointed = set(re.findall(rf"§({NUMBER})", PAGE))
    assert sorted(pointed - SECTIONS) == []
    assert len(pointed) > 10


def test_no_source_cites_a_file_that_is_not_here() -> None:
    """`GATEWAY.md` was the name of a document outside of the repository."""
    own = Path(__file__)
    old = [path for path in sources() if path != own and "GATEWAY.md" in path.read_text(encoding="utf-8")]
    assert old == []


def test_every_variable_is_in_the_table() -> None:
    """What the gateway reads from the environment is in 3.1, under each of its names."""
    names = {name for option in fields(Settings) for name in option.metadata.get("names", ())}
    table = section("3.1")
    short = {f"LITELLM_MINI_AGENT{suffix}" for suffix in re.findall(r"`(_[A-Z_]+)`", table)}
    assert sorted(names - set(re.findall(r"[A-Z][A-Z0-9_]{3,}", table)) - short) == []


def test_every_error_has_a_row() -> None:
    """Status and code of every class that a client can see are in one row of 4.7."""
    rows = [[cell.strip() for cell in line.split("|")[2:5:2]] for line in section("4.7").splitlines() if "| " in line]
    missing = [
        (row.status, row.code)
        for row in ERROR_TABLE
        if not any(str(row.status) == status and row.code in codes for status, codes in rows)
    ]
    assert missing == []


SECTION_CLASSES = (
    schema.GeneralSettings,
    schema.LitellmParams,
    schema.UserIdMappings,
    schema.ContextRetrieval,
    schema.McpServer,
    schema.ToolExecution,
    schema.GatewayConfig,
)


@pytest.mark.parametrize("model", SECTION_CLASSES, ids=lambda model: model.__name__)
def test_every_key_of_the_file_is_in_the_table(model: type[BaseModel]) -> None:
    """What the file may say is in 3.2."""
    text: Any = section("3.2")
    assert [name for name in model.model_fields if not re.search(rf"`{name}[`\[]", text)] == []
