"""A healthy gateway passes the whole pack, capability by capability; what it must not pass is proved by mutants."""

from __future__ import annotations

import pytest

from greenlane.ext.probe.pack.table import PACK
from mutants.healthy import Seams
from mutants.mutant import found

ASKED = sorted({(dialect.value, check.capability) for check in PACK for dialect in check.dialects})


@pytest.mark.parametrize(("dialect", "capability"), ASKED, ids=["-".join(asked) for asked in ASKED])
def test_a_healthy_gateway_is_found_fault_with_by_nothing(dialect: str, capability: str) -> None:
    """Every check of a capability runs to its end, and finds nothing."""
    names = [c.name for c in PACK if c.capability == capability and dialect in {d.value for d in c.dialects}]
    assert names
    assert found(Seams(), dialect, 3, names) == {}
