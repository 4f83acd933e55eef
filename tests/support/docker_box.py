"""A container that waits, as a service: started from an image, told of by HTTP, removed when the service is stopped.

`python docker_box.py --probe IMAGE` ends with 0 where that can be had here, and says otherwise in one line why not.
`python docker_box.py IMAGE` is the service: `GET /ready` answers 200 while the container runs, with its name as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the docker client."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


class Box(BaseHTTPRequestHandler):
    """Tells of the container."""

    container = ""

    def do_GET(self) -> None:
        """Answer with the container's name, 503 when it does not run."""
        state = docker("inspect", "--format", "{{.State.Running}}", self.container)
        running = state.stdout.strip() == "true"
        self.send_response(200 if running else 503)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"container": self.container, "said": state.stderr}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


def lack(image: str) -> str:
    """Return why no container of an image can be had here, in one line; empty when one can."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    engine = docker("version", "--format", "{{.Server.Version}}")
    if engine.returncode:
        return last(engine, "no engine answers")
    if docker("image", "inspect", image).returncode == 0:
        return ""
    pulled = docker("pull", "--quiet", image)
    return f"{image} cannot be had: {last(pulled, 'no reason is told')}" if pulled.returncode else ""


def last(done: subprocess.CompletedProcess[str], otherwise: str) -> str:
    """Return the last line of what a client complained of."""
    return next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), otherwise)


def main(image: str) -> int:
    """Start the container and serve until a signal."""
    Box.container = f"greenlane-{os.getpid()}-{os.urandom(4).hex()}"
    # It has no network, and ends by itself should nobody be left to remove it.
    started = docker(
        "run", "--detach", "--rm", "--init", "--network", "none", "--name", Box.container, image, "sleep", "3600"
    )
    if started.returncode:
        print(started.stderr, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with ThreadingHTTPServer(("127.0.0.1", 0), Box) as server:
            print(f"http://127.0.0.1:{server.server_port}", flush=True)
            server.serve_forever()
    finally:
        docker("rm", "--force", Box.container)
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--probe":
        reason = lack(sys.argv[2])
        print(reason or "it can be had")
        sys.exit(bool(reason))
    sys.exit(main(sys.argv[1]))
