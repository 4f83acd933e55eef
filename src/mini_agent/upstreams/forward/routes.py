"""Which paths of the external LiteLLM process are served through the gateway: inference, and what the operator opens.

The process has its administration below the same prefix, behind the same key: keys, teams, models, files of everybody.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote

#: Paths below `/v1/`, alone or with what is below them. What asks a model for an answer has routes of its own. What is
#: kept of answers has, too: the process keeps those of all users together, and knows no users.
_EXACT = frozenset("moderations rerank".split())
_TREES = ("audio", "images")
#: Those of them that take files, which come as a form.
_UPLOADS = frozenset("audio/transcriptions audio/translations images/edits images/variations".split())


def is_relayed(path: str, opened: Collection[str] = ()) -> bool:
    """Decide about a path.

    path: below `/v1/`, as on the wire. opened: the operator's additions; with `/*` at the end also what is below.
    Returns: whether it goes on. One that is written so that two readers could see two paths never does.
    """
    segments = path.split("/")
    if not all(map(_is_plain, segments)):
        return False
    if path in _EXACT or path in opened:
        return True
    trees = (*_TREES, *(entry.removesuffix("/*") for entry in opened if entry.endswith("/*")))
    return any(path.startswith(f"{tree}/") for tree in trees)


def takes(path: str, media: str) -> bool:
    """Decide about a body that does not say that it is JSON. path: one that is relayed. media: type of the body.

    Returns: whether it goes on: a form where files go, and anything where the operator has opened the path.
    """
    if media == "multipart/form-data" and path in _UPLOADS:
        return True
    return path not in _EXACT and not path.startswith(tuple(f"{tree}/" for tree in _TREES))


def _is_plain(segment: str) -> bool:
    """Returns: whether a part of a path stays one part, whoever decodes it how often."""
    once = unquote(segment)
    text = unquote(once)
    return bool(text) and text not in (".", "..") and text.isprintable() and not {"/", "\\"} & {*once, *text}
