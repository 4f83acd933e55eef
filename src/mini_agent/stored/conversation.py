"""What a kept response continues: the turns of a chain of responses, as the next request repeats them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mini_agent.stored.record import Kind, Record
from mini_agent.stored.store import Store

#: Responses in a chain. Each is one look into the store, and a chain costs the provider all of its turns.
MOST_LINKS = 1000
#: Members of an answer's parts that no request has.
_ONLY_IN_ANSWERS = frozenset({"annotations", "logprobs"})


async def chain_of(store: Store, user: str, record_id: str) -> list[Record] | None:
    """Find a response and all that it continues.

    Returns: the records, the first one first; None where one of them is gone, or does not belong to this user.
    """
    chain: list[Record] = []
    seen: set[str] = set()
    wanted: str | None = record_id
    while wanted is not None:
        record = await store.get(user, Kind.RESPONSE, wanted)
        if record is None or wanted in seen or len(chain) >= MOST_LINKS:
            return None
        seen.add(wanted)
        chain.append(record)
        wanted = record.previous
    return chain[::-1]


def said_in(chain: Iterable[Record]) -> list[dict[str, Any]]:
    """Returns: the items of a chain, as the input of a request: what the caller said, and what was answered."""
    return [item for record in chain for item in (*record.turns(), *_answered(record))]


def given_items(chain: Sequence[Record]) -> list[dict[str, Any]]:
    """Returns: the items that the last response of a chain was made of, each with an id and as the protocol has it."""
    items = [*said_in(chain[:-1]), *chain[-1].turns()]
    last = chain[-1].id.rpartition("_")[2][-64:]
    return [listed(item, f"{last}_{at}") for at, item in enumerate(items)]


def _answered(record: Record) -> list[dict[str, Any]]:
    output = record.body().get("output")
    return [_repeated(item) for item in output if isinstance(item, Mapping)] if isinstance(output, list) else []


def _repeated(item: Mapping[str, Any]) -> dict[str, Any]:
    content = item.get("content")
    if item.get("type") != "message" or not isinstance(content, list):
        return dict(item)
    parts = [
        {name: value for name, value in part.items() if name not in _ONLY_IN_ANSWERS or value}
        if isinstance(part, Mapping)
        else part
        for part in content
    ]
    return {**item, "content": parts}


def listed(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns: an item of a request as the protocol lists it. name: of its id, where it has none."""
    kind = item.get("type") or "message"
    content = item.get("content")
    shown = {"type": kind, **item}
    if kind == "message" and isinstance(content, str):
        spoken = "output_text" if item.get("role") == "assistant" else "input_text"
        more: dict[str, Any] = {"annotations": []} if spoken == "output_text" else {}
        shown["content"] = [{"type": spoken, "text": content, **more}]
    if not isinstance(shown.get("id"), str):
        shown["id"] = f"{_PREFIXES.get(str(kind), 'item')}_{name}"
    if kind in ("message", "function_call", "function_call_output"):
        shown.setdefault("status", "completed")
    return shown


_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
