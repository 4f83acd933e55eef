"""What keeps issues."""

from __future__ import annotations

from typing import Protocol

from greenlane.errors import EXIT_NOT_READY, GreenlaneError


class IssueError(GreenlaneError):
    """An issue could not be opened."""

    exit_code = EXIT_NOT_READY
    label = "ISSUE"


class Tracker(Protocol):
    """Keeps the issues of one project; of one test there is never a second."""

    def open(self, marker: str, title: str, body: str) -> str:
        """Open the issue of a test, or find it where it is open already, and return its address.

        Args:
            marker: text in the body that only this test's issue has.
            body: Markdown.

        Raises:
            IssueError: the tracker cannot be reached or refuses.
        """
