"""The page of the dialects, made from the tables that the gateway translates by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from mini_agent.dialects import PARAMETERS, Dialect, Parameter
from mini_agent.dialects.anthropic_messages.answer import STOP_REASONS
from mini_agent.dialects.errors import MESSAGES_TYPES
from mini_agent.dialects.members import MEMBERS
from mini_agent.dialects.openai_chat.answer import FINISH_REASONS
from mini_agent.dialects.parameters import DROPS
from support.dialect_world import ASKED, MODES, SCRIPTS, STRANGE

_HEAD = """\
# Dialects

A caller speaks one of three protocols, and so does a provider: OpenAI's Chat Completions (`openai_chat`), Anthropic's
Messages (`anthropic_messages`), OpenAI's Responses (`openai_responses`). Where both speak the same one, bytes pass.
Where they do not, the gateway translates: the request into the provider's words, the answer or its stream back, event
by event, in the order and with the fields of the caller's protocol. What one side cannot say is refused by name (400
`unsupported_parameter`) or dropped by a rule of this page; nothing else is lost.

| | caller asks | provider of an entry |
|---|---|---|
| `openai_chat` | `POST /v1/chat/completions` | `openai/…`, other OpenAI-compatible ones; through LiteLLM all the rest |
| `anthropic_messages` | `POST /v1/messages` | `anthropic/…` |
| `openai_responses` | `POST /v1/responses` | `openai_responses/…` |

`model_info: {dialect: anthropic_messages}` of an entry overrides what its provider's name says. `api_base` of
Anthropic's dialect may end with `/v1` or not. Defaults of an entry are in its provider's words. An answer names what
was dropped in the header `x-mini-agent-dropped`.

## Parameters

A parameter that this table does not know reaches a provider of the caller's dialect as it is. Towards another dialect
it is refused by name, unless the model's `allowed_openai_params` names it (then it passes as it is) or
`litellm_settings.drop_params` is set (then it is dropped). Orders to LiteLLM (`api_base`, `api_key`, …) never pass, and
LiteLLM's package gets no parameters but OpenAI's own. `additional_drop_params` of an entry keeps names back, in the
provider's words.
"""
_CONVERSATION = """
## The conversation

- System prompts stand where they stand: the first ones are `system` in Messages, later ones keep their place in the
  conversation. `developer` is `system` towards chat and Messages.
- Images cross as data or as an address. Documents cross as data; as an address between Messages and Responses only. A
  plain text document is a document in Messages and text elsewhere. An id of a file means something to one provider
  only, and is refused.
- Calls of tools keep their ids, where Anthropic takes them; others are changed, with their results. Arguments that are
  no JSON object are `{"arguments": "<text>"}` in Messages. Custom tools cross between OpenAI's dialects, and are
  refused towards Messages.
- Results of tools: chat has no sign of failure and no images in them. The text of a failed one begins with `error:`
  there (in Responses too), an image follows in a message of the user's.
- A list of allowed tools is the list of tools in Messages.
- Empty texts and messages are not sent to Messages, which refuses them.

## Reasoning

OpenAI's `reasoning_effort` is `output_config.effort` with adaptive thinking in Messages, `none` is no thinking.
Thinking is left out where a call is forced: the two exclude each other. A chat caller may write Anthropic's `thinking`
itself.

What a model thinks comes back to its provider unchanged, signature and all, whatever the caller speaks. A caller of
Messages keeps it in `signature`, one of Responses in `encrypted_content`, one of chat in `thinking_blocks` (the text
is `reasoning_content`). A thought without a signature of its provider, or of another provider, is dropped.

A Responses provider is asked for thoughts that can come back where the request speaks of thinking; it is told not to
store anything (`store: false`) unless the caller asked for that.

## What is dropped besides parameters
"""
_STREAMS = """
## Streams

| | chat | Messages | Responses |
|---|---|---|---|
| order | role, deltas, finish reason, usage if asked for, `[DONE]` | `message_start`; per block start, deltas, stop; \
`message_delta` with usage, `message_stop` | `response.created`, `in_progress`; per item added, its part added, \
deltas, the whole, part done, item done; `completed` or `incomplete`; \
`sequence_number` without a gap |
| sign of life | a comment | `ping` | a comment |
| failure | the error, then `[DONE]` | `error` | `error`, then `response.failed` |

No content waits: a delta is written when it arrives. Calls that a provider writes at once are told at once; all other
parts follow each other. A provider's stream that ends without its terminator and without a reason is an error.
"""


def _cell(row: Parameter, dialect: Dialect) -> str:
    return f"`{row.names[dialect]}`" if dialect in row.names else ""


def _parameters() -> Iterator[str]:
    yield from ("| chat | Messages | Responses | elsewhere | note |", "|---|---|---|---|---|")
    for row in PARAMETERS:
        elsewhere = "" if len(row.names) == len(Dialect) else str(row.elsewhere)
        if elsewhere == "refused" and row.asks_nothing(row.default):
            elsewhere += f", except `{msgspec.json.encode(row.default).decode()}`"
        cells = [*(_cell(row, dialect) for dialect in Dialect), elsewhere, row.note]
        yield f"| {' | '.join(cells)} |"


def _rows(head: tuple[str, str], rows: Mapping[str, str]) -> Iterator[str]:
    yield from (f"| {head[0]} | {head[1]} |", "|---|---|")
    yield from (f"| {left} | {right} |" for left, right in rows.items())


def _members() -> Iterator[str]:
    yield "\nThese members of a turn, its parts and a tool are read; others are dropped by name, as `messages.name`.\n"
    yield from ("| dialect | kind | members |", "|---|---|---|")
    for dialect, kinds in MEMBERS.items():
        for kind, names in kinds.items():
            yield f"| {dialect} | {kind} | {', '.join(f'`{name}`' for name in sorted(names))} |"


def _reasons() -> Iterator[str]:
    yield "\n### Why an answer ended\n"
    meanings = {str(finish): "" for finish in [*STOP_REASONS.values(), *FINISH_REASONS.values()]}
    yield from ("| | chat | Messages | Responses |", "|---|---|---|---|")
    cut = {"length": "`incomplete`, `max_output_tokens`", "content_filter": "`incomplete`, `content_filter`"}
    for meaning in meanings:
        chat = ", ".join(f"`{reason}`" for reason, finish in FINISH_REASONS.items() if finish == meaning) or "`stop`"
        theirs = ", ".join(f"`{reason}`" for reason, finish in STOP_REASONS.items() if finish == meaning)
        yield f"| {meaning} | {chat} | {theirs} | {cut.get(meaning, '`completed`')} |"


def _shown() -> Iterator[str]:
    pairs = len(Dialect) ** 2
    yield "\n## What is shown for every pair\n"
    text = f"{pairs} pairs of a caller's and a provider's dialect, in {len(MODES)} modes, over HTTP: one suite"
    yield f"{text} (`tests/smoke_core/mini_agent/pairs`), from whose data this table is made."
    yield from ("", "| | cases of each pair |", "|---|---|")
    yield f"| answers, whole and streamed | {_names(SCRIPTS)} |"
    yield f"| requests | {_names(ASKED)} |"
    yield f"| parameters of others | {_names(STRANGE)} |"
    yield "| failures | refusals, errors in mid-stream, streams that break off, answers that are none |"


def _names(cases: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in cases)


def dialects() -> str:
    """Return the page."""
    drops = {f"`{name}`": rule for name, rule in DROPS.items()}
    types = {str(status): f"`{kind}`" for status, kind in MESSAGES_TYPES.items()}
    lines = [_HEAD, *_parameters(), _CONVERSATION, *_rows(("name", "rule"), drops), *_members(), _STREAMS.rstrip("\n")]
    lines += [
        *_reasons(),
        "\n## Errors\n",
        "Chat and Responses: the gateway's envelope. Messages: Anthropic's, its type by status.",
    ]
    lines += ["", *_rows(("status", "type"), types), *_shown()]
    return "\n".join(lines) + "\n"
