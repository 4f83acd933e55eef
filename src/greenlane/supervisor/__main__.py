"""The supervisor's process: `python -m greenlane.supervisor`, its plan on standard input.

It enters the lane's namespace first, so that services and tests share one loopback; then it starts the services,
runs the lane against a clock, and ends everything below itself, whatever happens.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from greenlane.supervisor.plan import Plan
from greenlane.supervisor.supervisor import Supervisor
from greenlane.util.files import write_atomically
from greenlane.util.processes import adopt_orphans


def main() -> int:
    """Read the plan, run it, write the result. 0 when the run came to its end, whatever the tests said."""
    adopt_orphans()
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    result = Supervisor(plan).run()
    write_atomically(Path(plan.result), msgspec.json.encode(result))
    return 130 if result.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
