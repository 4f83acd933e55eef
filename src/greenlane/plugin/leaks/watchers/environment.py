"""Environment variables."""

from __future__ import annotations

import os
from collections.abc import Sequence

from greenlane.plugin.leaks.change import ABSENT, Change, Clue
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.network.audit import Site

OWN = frozenset({"PYTEST_CURRENT_TEST", "PYTEST_VERSION"})
"""Variables that pytest itself writes while tests run."""

SECRET = ("KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL")
"""Parts of names whose values are never shown."""


class Variables:
    """Watches `os.environ`."""

    def __init__(self, context: Context) -> None:
        self._sites = context.sites
        self._busy = context.busy
        self._where: dict[str, Site] = {}
        self._put: dict[bytes | str, bytes | str | None] = {}
        self._environ = os.environ
        # The mapping behind `os.environ` compares at the speed of C; the class itself decodes every name.
        self._data: dict[bytes | str, bytes | str] = os.environ._data  # type: ignore[attr-defined]
        self._raw = dict(self._data)
        self._last = dict(os.environ)
        context.events.on("os.putenv", self._heard)
        context.events.on("os.unsetenv", self._heard)

    def _heard(self, key: bytes | str, value: bytes | str | None = None) -> None:
        if key != b"PYTEST_CURRENT_TEST":
            self._put[key] = value
            if self._busy():
                self._where[os.fsdecode(key)] = self._sites.site(depth=3)

    def poll(self) -> Sequence[Change]:
        """Return the variables that are not what they were."""
        replaced = os.environ is not self._environ
        put, self._put = self._put, {}
        hidden = {key: value for key, value in put.items() if self._data.get(key) != value}
        if not replaced and not hidden and self._data == self._raw:
            return ()
        now, last = dict(self._environ), self._last
        if replaced:
            os.environ = self._environ  # noqa: B003 - the mapping itself was replaced; this is the undo
        self._raw, self._last = dict(self._data), now
        where, self._where = self._where, {}
        changes = [
            self._change(name, last.get(name, ABSENT), now.get(name, ABSENT), where.get(name))
            for name in (*now, *(name for name in last if name not in now))
            if name not in OWN and now.get(name) != last.get(name)
        ]
        return changes + [
            self._past(os.fsdecode(key), value, where.get(os.fsdecode(key))) for key, value in hidden.items()
        ]

    def _past(self, name: str, value: bytes | str | None, site: Site | None) -> Change:
        """Return what was changed past `os.environ`: child processes and libraries in C see it, nobody else."""
        before = self._environ.get(name)

        def undo() -> None:
            if before is None:
                os.unsetenv(name)
            else:
                os.putenv(name, before)

        secret = any(word in name.upper() for word in SECRET)
        old, new = (ABSENT if text is None else os.fsdecode(text) for text in (before, value))
        return Change(
            f"{name} of child processes",
            _Hidden(old) if secret else old,
            _Hidden(new) if secret else new,
            undo,
            site=site,
            importing=site is not None and site.importing,
            clue=Clue(calls=("putenv", "unsetenv"), key=name),
            advice=f'use monkeypatch.setenv("{name}", …) or delenv: os.environ sees neither os.putenv nor os.unsetenv',
        )

    def _change(self, name: str, before: object, after: object, site: Site | None) -> Change:
        def undo() -> None:
            if isinstance(before, str):
                os.environ[name] = before
            else:
                os.environ.pop(name, None)

        call = "delenv" if after is ABSENT else "setenv"
        rest = ")" if after is ABSENT else ", …)"
        secret = any(word in name.upper() for word in SECRET)
        return Change(
            name,
            _Hidden(before) if secret else before,
            _Hidden(after) if secret else after,
            undo,
            site=site,
            importing=site is not None and site.importing,
            clue=Clue(assigned="environ", calls=("putenv",), key=name, owners=(os.environ,)),
            advice=f'use monkeypatch.{call}("{name}"{rest}, which undoes itself',
        )


class _Hidden:
    """A value that compares and is not shown."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return repr(self._value) if self._value is ABSENT else "***"
