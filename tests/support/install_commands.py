"""Every command of documentation and messages that installs something from this repository or an index."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md", "src/**/*.py")
#: What uv and pip are called with. A page that speaks about the command alone names no package.
_COMMAND = re.compile(
    r"(?:uv )?pip install (?!`)((?:'[^'\n]+'|\"[^\"\n]+\"|\\\"[^\"\n]+\\\"|[\w.\[\]>=<~-]+)(?: (?!or\b)[\w.-]+)*)"
)


def install_commands() -> dict[str, list[str]]:
    """Return the requirements of each command that is shown, by the file that shows it and the command."""
    found: dict[str, list[str]] = {}
    for pattern in SHOWN:
        for path in sorted(ROOT.glob(pattern)):
            for match in _COMMAND.finditer(path.read_text(encoding="utf-8")):
                words = shlex.split(match[1].replace('\\"', '"'))
                if "--python" not in words:
                    found[f"{path.relative_to(ROOT)}: {match[0]}"] = words
    return found
