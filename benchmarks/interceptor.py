"""What the interceptor adds to a request, beside a direct call, in one run on one machine.

One fixed upstream on loopback answers everything. Each server is one process, pinned to one core; upstream and load
generator share another. Targets take turns in every round; the figure of a target is its median over the rounds.

direct        the load generator asks the upstream itself
pass-through  the smallest relay we can write on the same parts (uvicorn, aiohttp): body and type only
interceptor   `mini-agent intercept run`, as installed, with its log at the default level

Run: python benchmarks/interceptor.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack

from gateway import Server, free_port, measure, start


def start_all(stack: ExitStack, folder: str) -> dict[str, tuple[Server, str]]:
    """Start every server. Returns: target name to server and model."""
    cores = sorted(os.sched_getaffinity(0))
    load_core, server_core = cores[0], cores[-1]
    os.sched_setaffinity(0, {load_core})
    helper = [sys.executable, os.path.join(os.path.dirname(__file__), "gateway.py")]
    up, relay, ours = free_port(), free_port(), free_port()
    base = f"http://127.0.0.1:{up}"
    upstream = start(stack, [*helper, "--role", "upstream", "--port", str(up)], up, "/", load_core, folder)
    command = [*helper, "--role", "passthrough", "--port", str(relay), "--base", f"{base}/v1"]
    passthrough = start(stack, command, relay, "/", server_core, folder)
    command = [sys.executable, "-m", "mini_agent", "intercept", "run", "--port", str(ours), "--target", base]
    interceptor = start(stack, command, ours, "/health", server_core, folder)
    return {
        "direct": (upstream, "m"),
        "pass-through": (passthrough, "m"),
        "interceptor": (interceptor, "m"),
    }


def report(results: dict[str, dict[str, float]], targets: dict[str, tuple[Server, str]]) -> None:
    """Print the table, what the interceptor adds, and its speed as a part of the smallest relay's."""
    columns = ["plain 1 ms", "plain 32 /s", "stream 1 ms", "stream 32 /s"]
    print(f"{'':14}" + "".join(f"{column:>14}" for column in columns) + f"{'MB':>8}{'ready s':>10}")
    for name, found in results.items():
        server = targets[name][0]
        cells = "".join(f"{found[column]:14.2f}" if "ms" in column else f"{found[column]:14.0f}" for column in columns)
        print(f"{name:14}{cells}{server.memory_mb():8.0f}{server.ready_s:10.2f}")
    ours, relay, direct = results["interceptor"], results["pass-through"], results["direct"]
    for kind in ("plain", "stream"):
        added = ours[f"{kind} 1 ms"] - direct[f"{kind} 1 ms"]
        share = ours[f"{kind} 32 /s"] / relay[f"{kind} 32 /s"]
        print(f"{kind}: {added:.2f} ms added to a request; {share:.2f} of the smallest relay's requests per second")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round: whether it works, not how fast it is")
    options = parser.parse_args()
    seconds, rounds = (0.3, 1) if options.quick else (2.0, 3)
    with ExitStack() as stack:
        targets = start_all(stack, stack.enter_context(tempfile.TemporaryDirectory()))
        report(measure(targets, seconds, rounds), targets)


if __name__ == "__main__":
    main()
