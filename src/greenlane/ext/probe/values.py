"""What a probe is made of: checks, the questions that they ask, and the answers that they judge."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlane.ext.probe.case import Case


class Severity(enum.StrEnum):
    """How much a check weighs: without a `must` clients break, without a `should` some do, a `may` is only told."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class Profile(enum.StrEnum):
    """What an endpoint is needed for; each contains the ones before it."""

    BASIC = "basic"
    AGENT = "agent"
    FULL = "full"

    @property
    def rank(self) -> int:
        """0 for the smallest."""
        return list(Profile).index(self)


SHOULD, MAY = Severity.SHOULD, Severity.MAY
AGENT, FULL = Profile.AGENT, Profile.FULL


class Dialect(enum.StrEnum):
    """A language that an endpoint may speak."""

    CHAT = "chat"
    MESSAGES = "messages"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    AGENT = "agent"
    MCP = "mcp"


SPOKEN = (Dialect.CHAT, Dialect.MESSAGES, Dialect.RESPONSES)
"""The dialects of a conversation with a model; checks that are written once hold in each."""


class Finding(AssertionError):
    """What an endpoint does wrong, in one line; lines after the first quote what it sent."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that an endpoint is asked to prove.

    Attributes:
        name: `capability.detail`; unique.
        run: asks and judges; raises `Finding`.
        dialects: in which it can be asked.
        severity, profile: how much it weighs, and for whom.
        sentence: of the specification that it stands on; source: where that stands.
        breaks: what a client sees when it fails, and which known clients do.
        calls: requests that it makes, at most.
        sampled: whether it depends on chance, so that k of n runs must pass.
    """

    name: str
    run: Callable[[Case], None]
    dialects: tuple[Dialect, ...] = SPOKEN
    severity: Severity = Severity.MUST
    profile: Profile = Profile.BASIC
    sentence: str
    source: str
    breaks: str
    calls: int = 1
    sampled: bool = False

    @property
    def capability(self) -> str:
        """The first part of its name."""
        return self.name.partition(".")[0]


def check(name: str, source: str, sentence: str, breaks: str, **more: Any) -> Callable[[Callable[[Case], None]], Check]:
    """Return what makes a check of the function below it, which asks and judges; for the rest see `Check`."""
    return lambda run: Check(name=name, run=run, sentence=sentence, source=source, breaks=breaks, **more)


@dataclass(frozen=True)
class Said:
    """A turn of text; `role` is `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True)
class Shown:
    """A turn of the user with a picture, a PNG, after its text."""

    text: str
    png: bytes


@dataclass(frozen=True)
class Call:
    """A tool call: `arguments` is the JSON text as it came."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Asked:
    """A turn of the assistant that calls tools."""

    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Result:
    """What a tool answered to the call with this id."""

    id: str
    text: str


Turn = Said | Shown | Asked | Result


@dataclass(frozen=True)
class Tool:
    """A function that a model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request in no dialect yet.

    Attributes:
        turns: of the conversation, oldest first.
        system: what the operator says.
        max_tokens: of the answer.
        stop: texts before which the answer ends.
        temperature, seed: None leaves them to the endpoint.
        tools: that may be called; choice: `auto`, `required`, `none` or a tool's name, empty for nothing said.
        schema: JSON schema of the answer; None for free text.
    """

    turns: tuple[Turn, ...]
    system: str = ""
    max_tokens: int = 48
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    seed: int | None = None
    tools: tuple[Tool, ...] = ()
    choice: str = ""
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of the prompt, of the answer and of both; None for what was not told, or is no whole number."""

    prompt: int | None
    answer: int | None
    total: int | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, read with patience: what is missing is empty.

    Attributes:
        ended: why, in one vocabulary: `stop`, `length`, `tools`, or what the endpoint said.
        calls: tools that are called.
        usage: None when nothing was told.
        raw: the decoded body; of a stream the last event that matters.
    """

    text: str
    ended: str
    calls: tuple[Call, ...]
    usage: Usage | None
    model: str
    id: str
    raw: Any


@dataclass(frozen=True)
class Event:
    """An event of a stream: its name, empty for none, its payload, decoded unless it is no JSON, and its second."""

    name: str
    data: Any
    at: float


def ask(text: str, **more: Any) -> Question:
    """Return a question of one turn; `more` are fields of `Question`."""
    return Question(turns=(Said("user", text),), **more)
