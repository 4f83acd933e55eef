"""The contract of the harness (docs/reference/harness.md) and the code are about the same things."""

from __future__ import annotations

import re
from pathlib import Path

from greenlane.cli.main import own_commands
from greenlane.evidence.violation import Code

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "harness.md").read_text(encoding="utf-8")
SECTIONS = frozenset(re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE))


def test_every_reason_for_red_is_in_the_page() -> None:
    """A code that the judge can give has a row in section 6."""
    assert [code.value for code in Code if f"`{code.value}`" not in PAGE] == []


def test_every_command_in_the_page_is_there() -> None:
    """What the page promises can be called."""
    promised = set(re.findall(r"^\| `greenlane (\w+)", PAGE, re.MULTILINE))
    assert promised - set(own_commands()) == set()
    assert len(promised) > 8


def test_every_cited_section_exists() -> None:
    """Who follows a citation, in source or in the page itself, finds what it names."""
    sources = [path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    cited = {number for path in sources for number in re.findall(r"HARNESS (\d+)", path.read_text(encoding="utf-8"))}
    within = set(re.findall(r"(?:see |\()(\d{1,2})[);|,. ]", PAGE))
    assert sorted((cited | within) - SECTIONS) == []
