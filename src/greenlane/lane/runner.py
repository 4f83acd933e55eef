"""The process of a lane: `python -P -s -m greenlane.lane.runner CONTRACT` runs pytest under the contract."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from greenlane.model.contract import CONTRACT_VARIABLE, Contract


def main(path: str) -> int:
    """Run the lane's tests and return pytest's exit status.

    Args:
        path: of the contract.
    """
    contract = msgspec.json.decode(Path(path).read_bytes(), type=Contract)
    os.chdir(contract.project)
    os.environ[CONTRACT_VARIABLE] = path
    return int(pytest.main(list(contract.arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
