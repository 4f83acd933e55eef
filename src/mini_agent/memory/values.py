"""What is asked of a memory service, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from mini_agent.core.errors import MiniAgentError


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question. container: whose memories are searched. query: at most 4,000 characters. limit: most results."""

    user_id: str
    container: str
    query: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One result, as the service sent it. title, source: empty when there is none."""

    text: str
    title: str = ""
    source: str = ""


class RetrievalFailed(MiniAgentError):
    """The memory service gave no usable answer. reason: for the log, without anything of question or answer.

    status: the HTTP status of a refusal, 0 when there was no answer at all or a malformed one.
    """

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
