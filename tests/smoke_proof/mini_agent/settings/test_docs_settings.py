"""docs/security.md and docs/providers.md are true: what they show passes the check and means what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mini_agent.cli import main
from mini_agent.settings import load_settings
from mini_agent.settings.schema import LitellmParams

DOCS = Path(__file__).parents[4] / "docs"
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in ("security.md", "providers.md")}
VARIABLES = [
    dict(word.split("=", 1) for word in shlex.split(block))
    for block in re.findall(r"```sh\n([A-Z].*?)```", PAGES["security.md"], re.DOTALL)  # A variable, not a command.
]


@pytest.mark.parametrize("environ", VARIABLES, ids=lambda environ: next(iter(environ)))
def test_the_variables_of_the_security_page_are_read(
    environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line, pasted, passes the check and changes the settings."""
    path = tmp_path / "mini_agent.yaml"
    path.write_text("model_list: []\n", encoding="utf-8")
    assert main(["config", "check", "--config", str(path)], environ) == 0
    assert capsys.readouterr().out.startswith("ok: ")
    assert load_settings(environ, config=str(path)) != load_settings({}, config=str(path))


def test_the_entry_of_the_providers_page_is_never_sent_again(tmp_path: Path) -> None:
    """It passes the check, and its model has no retries where others have two."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGES["providers.md"], re.DOTALL)
    path = tmp_path / "mini_agent.yaml"
    path.write_text(block, encoding="utf-8")
    assert main(["config", "check", "--config", str(path), "--resolve"], {"OPENAI_API_KEY": "value-0123"}) == 0
    assert load_settings({}, config=str(path)).models["chat"]["max_retries"] == 0
    assert LitellmParams.model_fields["max_retries"].default == 2
