"""Runs a lane by hand as control does: `python -P -s -m greenlane.plugin.runner CONTRACT`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from greenlane.evidence.contract import CONTRACT_VARIABLE


def main(path: str) -> None:
    """Become the lane's pytest. It replaces this process, so that pytest imports the harness itself."""
    contract = json.loads(Path(path).read_bytes())
    os.chdir(contract["project"])
    command = [sys.executable, "-P", "-s", "-m", "pytest", *contract["arguments"]]
    os.execve(sys.executable, command, {**os.environ, CONTRACT_VARIABLE: path})


if __name__ == "__main__":
    main(sys.argv[1])
