"""docs/memory.md is true: its YAML passes the check, its reasons are those of the log, its keys those of the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from mini_agent.cli import main
from mini_agent.settings.schema import ContextRetrieval, UserIdMappings

PAGE = (Path(__file__).parents[4] / "docs" / "memory.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_of_yaml_passes_the_check(block: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `mini-agent config check --resolve` has it, with every variable set."""
    path = tmp_path / "mini_agent.yaml"
    path.write_text(block, encoding="utf-8")
    environ = dict.fromkeys(re.findall(r"os\.environ/(\w+)", block), "value-0123")
    assert main(["config", "check", "--config", str(path), "--resolve"], environ) == 0
    assert capsys.readouterr().out.startswith("ok: ")


def test_all_blocks_together_are_one_configuration(tmp_path: Path) -> None:
    """A reader may take the whole page."""
    path = tmp_path / "mini_agent.yaml"
    path.write_text("\n".join(BLOCKS), encoding="utf-8")
    assert main(["config", "check", "--config", str(path), "--require-group", "chat"], {}) == 0


def test_the_block_of_the_users_shows_the_defaults() -> None:
    """What the page calls defaults are the defaults of the code."""
    shown = yaml.safe_load(BLOCKS[0])["user_id_mappings"]
    defaults = UserIdMappings()
    assert (shown["custom_header"], shown["default_user_id"]) == (defaults.custom_header, defaults.default_user_id)


@pytest.mark.parametrize("name", [*UserIdMappings.model_fields, *ContextRetrieval.model_fields])
def test_every_key_of_both_sections_is_explained(name: str) -> None:
    """Each stands on the page, by its name."""
    assert re.search(rf"`[^`]*\b{name}\b|^\s+{name}:", PAGE, re.MULTILINE)


def test_reasons_are_those_that_the_code_logs() -> None:
    """Every reason in the table stands in the sources."""
    sources = "".join(path.read_text() for path in (Path(main.__code__.co_filename).parent / "memory").glob("*.py"))
    table = PAGE.split("| reason in the log |")[1].split("\n\n")[0]
    reasons = re.findall(r"`([^`]+)`", "\n".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert len(reasons) == 10
    for reason in reasons:
        words = re.sub(r"HTTP \d+", "HTTP ", reason).replace("…", "").strip(": ")
        assert words in sources, reason
