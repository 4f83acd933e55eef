"""A stand-in for a model server in tiny projects: answers /health and lists its models, by default `tiny-1`.

Run as `python model_list.py [MODEL…]`; prints its address and the interpreter's prefix.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers as a model server does before anybody chats with it."""

    def do_GET(self) -> None:
        """Answer the health, the lists of OpenAI and Ollama, and where the interpreter lives; 404 for the rest."""
        names = sys.argv[1:] or ["tiny-1"]
        answers = {
            "/health": {"status": "ok"},
            "/api/version": {"version": "0.1"},
            "/api/tags": {"models": [{"name": name} for name in names]},
            "/v1/models": {"data": [{"id": name} for name in names]},
            "/prefix": {"prefix": sys.prefix},
        }
        content = json.dumps(answers.get(self.path, {})).encode()
        self.send_response(200 if self.path in answers else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        """End the process without a word."""
        os._exit(7)

    def log_message(self, *_: object) -> None:
        """Say nothing about requests."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
