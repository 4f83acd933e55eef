"""Gives a lane its router configuration, once the address of the system under test is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from greenlane.judge.router import stub
from greenlane.supervisor.plan import RouterPlan
from greenlane.util.files import write_atomically


def route(plan: RouterPlan, base: str, say: Callable[[str], None]) -> dict[str, str]:
    """Return the variables of the router configuration, writing the stub where the caller has none of his own.

    Args:
        plan: which configuration it is.
        base: the one base; empty when the lane has none, and then there is nothing that a stub could point to.
        say: prints a line to the user.
    """
    if not plan.config and not base:
        return {}
    path = plan.config or plan.stub
    for target in () if plan.config else (Path(plan.stub), Path(plan.latest)):
        write_atomically(target, stub(plan.router, plan.groups, base))
    kind = "the caller's own" if plan.config else "a stub that points at the base"
    say(f"router {path}, {kind}, has {', '.join(plan.groups)}")
    told = {plan.router.variable: path, plan.router.group_variable: plan.groups[0]}
    return {name: value for name, value in told.items() if name}
