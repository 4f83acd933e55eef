"""A base on another machine is somebody else's to start. Here, because looking for it leaves the machine."""

from __future__ import annotations

import sys
from pathlib import Path

from support.tiny import ADDRESS, TinyProject

TOY = str(Path(__file__).parents[2] / "support" / "toy_service.py")


def test_a_silent_base_elsewhere_stays_down(tiny: TinyProject) -> None:
    """Nothing is started in the place of what the caller named."""
    toy = {"command": [sys.executable, TOY, "{port}"], "ready": "/ready", "start_timeout": 2}
    tiny.lanes(nd={"kind": "nondeterministic", "tests": ["tests"], "services": ["toy"]})
    tiny.section("services", {"toy": toy}).section("address", {**ADDRESS, "service": "toy"})
    ran = tiny.test("def test_it(): pass\n").greenlane("lane", "nd", MINI_AGENT_API_BASE="http://192.0.2.1:8788")
    assert (ran.code, "SERVICE_DOWN" in ran.codes) == (1, True), ran.output
    assert "started there" not in ran.output
