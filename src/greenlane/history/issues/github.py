"""Issues on GitHub, over its REST API."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.parse import urlsplit

from greenlane.history.issues.draft import IssueError

LABEL = "flaky"
PAGES = 20
"""Pages of a hundred issues that are searched for the test's own, newest first."""

TIMEOUT_S = 10.0
_NEXT_STEP = "see quarantine.repository, quarantine.api and the token's rights (issues: write)"


class GitHub:
    """The issues of one repository.

    Args:
        api: base address of the API.
        repository: `owner/name`.
        token: may read and write issues.

    Raises:
        IssueError: the token would cross a network unencrypted.
    """

    def __init__(self, api: str, repository: str, token: str) -> None:
        parts = urlsplit(api)
        if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            raise IssueError(f"{api} is not https; the token is not sent there", _NEXT_STEP)
        self._base = f"{api.rstrip('/')}/repos/{repository}/issues"
        self._token = token
        # A redirect would carry the token to wherever it points.
        self._opener = urllib.request.build_opener(_NoRedirect)

    def open(self, marker: str, title: str, body: str) -> str:
        """Return the address of the test's issue: found, opened again, or new."""
        known = self._find(marker)
        if known is None:
            made = self._call("POST", self._base, {"title": title, "body": body, "labels": [LABEL]})
            # Another machine may have opened one in the same moment: the older one stays.
            known = self._find(marker) or made
            if known["number"] != made["number"]:
                self._call(
                    "PATCH", f"{self._base}/{made['number']}", {"state": "closed", "state_reason": "not_planned"}
                )
        if known.get("state") == "closed":
            self._call("PATCH", f"{self._base}/{known['number']}", {"state": "open", "body": body})
        return str(known["html_url"])

    def _find(self, marker: str) -> dict[str, Any] | None:
        """Return the oldest issue with a marker; None for none."""
        found = [issue for issue in self._issues() if marker in (issue.get("body") or "")]
        return min(found, key=lambda issue: int(issue["number"]), default=None)

    def _issues(self) -> Iterator[dict[str, Any]]:
        """Yield issues, open and closed, newest first."""
        for page in range(1, PAGES + 1):
            issues = self._call("GET", f"{self._base}?state=all&per_page=100&page={page}")
            yield from (issue for issue in issues if "pull_request" not in issue)
            if len(issues) < 100:
                return

    def _call(self, method: str, url: str, payload: dict[str, Any] | None = None) -> Any:
        """Return what the API answers.

        Raises:
            IssueError: it cannot be reached, refuses, or answers something else than JSON.
        """
        request = urllib.request.Request(
            url, method=method, data=None if payload is None else json.dumps(payload).encode(),
            headers={
                "Accept": "application/vnd.github+json", "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json", "User-Agent": "greenlane", "X-GitHub-Api-Version": "2022-11-28",
            },
        )  # fmt: skip
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                raise IssueError(f"{method} {url}: HTTP {error.code} {error.reason}", _NEXT_STEP) from error
        except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
            raise IssueError(f"{method} {url}: {getattr(error, 'reason', error)}", _NEXT_STEP) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it becomes the error that it is."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Return no request."""


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
