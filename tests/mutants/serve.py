"""Serves the healthy gateway as a process of its own until it is ended; prints its address."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.healthy import running


def main() -> None:
    """Serve until TERM or an interruption."""
    with running() as (base, _):
        print(base, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
