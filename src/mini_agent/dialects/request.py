"""One request, whichever dialect it came in: what all three can say, and what only the caller's can.

Everything is frozen. A conversation has one normal form, so that a request means the same by every way: system and
developer messages stand where they apply, results of tools are in messages of role `tool`, all that the assistant said
between two of the others is one message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from mini_agent.dialects.names import Dialect

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Cache(msgspec.Struct, frozen=True):
    """A mark: what stands before it may be kept by the provider.

    ttl: how long, as Anthropic writes it (`5m`, `1h`), None for the provider's default. breakpoint: whether the caller
    wrote it as OpenAI's `prompt_cache_breakpoint`.
    """

    ttl: str | None = None
    breakpoint: bool = False


class Text(msgspec.Struct, frozen=True):
    """Text. annotations: citations of URLs, as Responses writes them. logprobs: of its tokens, as chat writes them."""

    text: str
    cache: Cache | None = None
    annotations: tuple[Mapping[str, Any], ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()


class Image(msgspec.Struct, frozen=True):
    """An image. url: of the web, or a data URL; None where file_id names one that the provider keeps.

    detail: the resolution that OpenAI is asked for.
    """

    url: str | None
    file_id: str | None = None
    detail: str | None = None
    cache: Cache | None = None


class Document(msgspec.Struct, frozen=True):
    """A file to read. url: as of an image. name: its file name or title. context: what the caller says about it."""

    url: str | None
    file_id: str | None = None
    name: str | None = None
    context: str | None = None
    cache: Cache | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """What a model thought.

    text: what people may read of it, perhaps nothing. origin: the dialect of the provider that wrote it. native: its
    own form of it, signature included, which it must get back unchanged; without one the thought cannot go back.
    """

    text: str
    origin: Dialect
    native: Mapping[str, Any] | None = None


class Refusal(msgspec.Struct, frozen=True):
    """What the model said instead of an answer."""

    text: str


class ToolCall(msgspec.Struct, frozen=True):
    """A call. arguments: JSON text as the model wrote it; for a custom tool (OpenAI's) any text."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    cache: Cache | None = None


class Opaque(msgspec.Struct, frozen=True):
    """What one dialect only can say. kind: its `type`. value: as it came."""

    dialect: Dialect
    kind: str
    value: Mapping[str, Any]


class ToolResult(msgspec.Struct, frozen=True):
    """What a call gave. error: whether the caller marked it as failed."""

    call_id: str
    parts: tuple[Text | Image | Document | Opaque, ...]
    error: bool = False
    custom: bool = False
    cache: Cache | None = None


Part = Text | Image | Document | Reasoning | Refusal | ToolCall | ToolResult | Opaque


class Message(msgspec.Struct, frozen=True):
    """One turn, or one instruction."""

    role: Role
    parts: tuple[Part, ...]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool on offer.

    kind: `function` has a JSON Schema of its arguments, `custom` takes text of a `format`, anything else is run by a
    provider of the dialect of `native` only. native: the tool as the caller wrote it.
    """

    kind: str
    name: str
    native: Mapping[str, Any]
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    format: Mapping[str, Any] | None = None
    cache: Cache | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """Which tools may or must be called.

    mode: `auto`, `none`, `required` (any), `tool` (that of `name`), or `other` (a tool of the provider's, in `native`).
    allowed: the only names to choose from, None for all.
    """

    mode: Literal["auto", "none", "required", "tool", "other"]
    name: str = ""
    allowed: tuple[str, ...] | None = None
    custom: bool = False
    native: Mapping[str, Any] | None = None


class OutputFormat(msgspec.Struct, frozen=True):
    """JSON that the answer must be. schema: None for any object."""

    schema: Mapping[str, Any] | None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request.

    dialect: of the caller. parallel: whether several tools may be called at once, None where nothing is said.
    effort, summary, thinking: how much the model should think, whether it should tell of it, and Anthropic's own words
    for both. verbosity: how long the answer should be. user, safety_identifier: ids of the end user. keep_reasoning:
    whether a Responses caller asks for thoughts that it can send back. include_usage: whether a chat caller wants usage
    at the end of its stream. settings: the other parameters that the table of `parameters` knows, by the caller's
    names. extra: those that it does not know.
    """

    dialect: Dialect
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    stop: tuple[str, ...] = ()
    output: OutputFormat | None = None
    effort: str | None = None
    summary: str | None = None
    thinking: Mapping[str, Any] | None = None
    verbosity: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    logprobs: bool = False
    keep_reasoning: bool = False
    stream: bool = False
    include_usage: bool = False
    settings: Mapping[str, Any] = {}
    extra: Mapping[str, Any] = {}
