"""GitHub's issues, as far as we use them, on a loopback server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit


class FakeGitHub:
    """A server with one repository, `me/project`.

    Attributes:
        issues: every issue, oldest first; calls: method and path of every request; tokens: what each came with.
        refuse: status that every request is answered with; 0 for none.
        redirect: address that every request is redirected to; empty for none.
    """

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.tokens: list[str] = []
        self.refuse = 0
        self.redirect = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def api(self) -> str:
        """Base address of the API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeGitHub:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, **fields: Any) -> dict[str, Any]:
        """Add an issue as somebody else would."""
        number = len(self.issues) + 1
        issue = {
            "number": number, "state": "open", "html_url": f"https://github.com/me/project/issues/{number}",
            "title": "", "body": "", **fields,
        }  # fmt: skip
        self.issues.append(issue)
        return issue

    def answer(self, method: str, path: str, payload: dict[str, Any]) -> tuple[int, Any]:
        """Return status and body of an answer."""
        parts = urlsplit(path)
        if not parts.path.startswith("/repos/me/project/issues"):
            return 404, {"message": "Not Found"}
        if method == "GET":
            query = {name: int(values[0]) for name, values in parse_qs(parts.query).items() if values[0].isdigit()}
            size, first = query["per_page"], (query["page"] - 1) * query["per_page"]
            return 200, list(reversed(self.issues))[first : first + size]
        if method == "POST":
            return 201, self.add(**payload)
        issue = self.issues[int(parts.path.rpartition("/")[2]) - 1]
        issue.update(payload)
        return 200, issue

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.calls.append(f"{self.command} {self.path}")
                fake.tokens.append(self.headers.get("Authorization", ""))
                status, answer = fake.refuse, {"message": "no"}
                if fake.redirect:
                    status = 302
                elif not status:
                    status, answer = fake.answer(self.command, self.path, json.loads(body or b"{}"))
                content = json.dumps(answer).encode()
                self.send_response(status)
                if fake.redirect:
                    self.send_header("Location", fake.redirect)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
