"""What an earlier run already tells about a victim: who ran before it, and who left state behind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

import msgspec

from greenlane.evidence.evidence import JournalFacts
from greenlane.evidence.journal import Leaked


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal tells.

    Attributes:
        before: tests that ran before the victim in its process, in order, when the victim failed there; otherwise none.
        helping: tests that ran before the victim in its process, in order, when it passed there; otherwise none.
        leaks: of the tests that may have harmed it.
        named: the one test that the leaks name; empty when they name none or several.
    """

    before: tuple[str, ...] = ()
    helping: tuple[str, ...] = ()
    leaks: tuple[Leaked, ...] = ()
    named: str = ""

    @property
    def suspects(self) -> tuple[str, ...]:
        """The tests that left something behind, each once, in order."""
        return tuple(dict.fromkeys(leak.nodeid for leak in self.leaks))


def traces(facts: JournalFacts, victim: str, text: str) -> Traces:
    """Return what the journal of a run tells about a victim.

    A leak that was undone cannot have harmed a test of that run, but may do so wherever nothing undoes it; of a victim
    that failed in the run, only what could not be undone matters. The leaks name a test when it alone left behind
    something that the victim's own text or failure mentions, or, for a victim that failed, when it alone left anything.

    Args:
        facts: the journal of a lane or shard of the present tree.
        text: of the victim's function, or empty.
    """
    own = next((test for test in facts.outcomes if test.nodeid == victim), None)
    ended = [test.nodeid for test in facts.outcomes if own is not None and test.worker == own.worker]
    earlier = ended[: ended.index(victim)] if own is not None else []
    failed = own is not None and own.outcome.bad
    harmful = tuple(leak for leak in facts.leaks if leak.nodeid != victim and (not failed or _stayed(leak, earlier)))
    mentioned = f"{text}\n{own.cause if own else ''}"
    linked = {leak.nodeid for leak in harmful if _mentions(mentioned, leak)}
    alone = linked or ({leak.nodeid for leak in harmful} if failed else set())
    return Traces(
        before=tuple(earlier) if failed else (), helping=() if failed else tuple(earlier), leaks=harmful,
        named=alone.pop() if len(alone) == 1 else "",
    )  # fmt: skip


def text_of(source: str, nodeid: str) -> str:
    """Return the text of a test's function; that of the whole file where it is not found there.

    Args:
        source: of the file; nodeid: of the test.
    """
    names = nodeid.partition("::")[2].partition("[")[0].split("::")
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return source
    found: ast.stmt | None = None
    for name in names:
        found = next((node for node in body if getattr(node, "name", "") == name), None)
        body = getattr(found, "body", [])
    return ast.get_source_segment(source, found) or source if found is not None else source


def _stayed(leak: Leaked, earlier: Iterable[str]) -> bool:
    """Whether a leak was still there when the victim ran."""
    return not leak.restored and leak.nodeid in earlier


def _mentions(text: str, leak: Leaked) -> bool:
    """Whether a text has the name of what leaked: the attribute, the key or the variable, without its module."""
    if leak.what == leak.watcher:
        return False
    words = re.findall(r"\w+", leak.what)
    return bool(words) and re.search(rf"\b{re.escape(words[-1])}\b", text) is not None
