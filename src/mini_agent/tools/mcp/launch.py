"""Starts a stdio MCP server: with no more environment than it was given, and with a life tied to the gateway's.

Run as a script by `mini_agent.tools.mcp.transport`, with the names to keep, `--`, and the command. An interpreter may
add variables when it starts, and a server that ignores the end of its stdin would outlive a gateway that was killed.
"""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(argv: list[str], environ: dict[str, str]) -> None:
    """Become the server. argv: names of variables to keep, `--`, the command and its arguments. Does not return.

    environ: the environment to choose from. Exits with 127 when the command cannot be started.
    """
    end = argv.index("--")
    kept = {name: environ[name] for name in argv[:end] if name in environ}
    command = argv[end + 1 :]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        os.execvpe(command[0], command, kept)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:], dict(os.environ))
