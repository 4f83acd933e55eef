"""A service for tiny projects: binds the port it is given, prints its address, answers /ready and /healthz.

Run as `python toy_service.py PORT [quit|mute|impostor]`; POST /die ends it at once. GET /bad is refused with 400, and
counted in /metrics until GET /bad/blind.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

REFUSED: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answers the paths that a lane and its tests ask for."""

    def do_GET(self) -> None:
        """Answer /ready and /healthz; anything else is 404."""
        if self.path == "/ready":
            self._answer({"ok": True})
        elif self.path == "/healthz":
            impostor = sys.argv[2:] == ["impostor"]
            instance = "somebody else" if impostor else os.environ.get("GREENLANE_INSTANCE_ID")
            port = self.connection.getsockname()[1]
            self._answer({"port": port, "instance_id": instance})
        elif self.path.startswith("/bad"):
            REFUSED.append(self.path)
            self.send_error(400)
        elif self.path == "/metrics" and "/bad/blind" not in REFUSED:
            self._answer(f'# TYPE requests counter\nrequests_total{{status="400"}} {len(REFUSED)}\n'.encode())
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """End the process without a word."""
        os._exit(7)

    def _answer(self, body: dict[str, object] | bytes) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing about requests."""


if __name__ == "__main__":
    if sys.argv[2:] == ["quit"]:
        sys.exit("toy: cannot start today")
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    if sys.argv[2:] != ["mute"]:
        print(f"toy listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
