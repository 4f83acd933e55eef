"""What the leak guard watches and does, as a user declares it."""

from __future__ import annotations

import msgspec

WATCHERS = (
    "modules", "attributes", "containers", "environ", "sys.path", "sys.meta_path", "cwd", "umask", "logging",
    "warnings", "signals", "locale", "socket timeout", "loop policy", "threads", "processes", "tasks", "ports", "files",
)  # fmt: skip
"""Names of the kinds of state that the leak guard watches, as `plugin/leaks/table.py` has them."""


class LeakPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the leak guard does.

    Attributes:
        level: of leaks, what a test certainly left behind: `error` (the test fails), `warn` (it is reported) or `off`.
        levels: the same for single watchers, by name.
        uncertain: the same for changes of which nothing shows whether the test or the code under test did them.
        watch: import names of packages whose modules and classes are watched.
        allow: reasons for state that may change, by `watcher:what` pattern.
    """

    level: str = "error"
    levels: dict[str, str] = {}
    uncertain: str = "warn"
    watch: tuple[str, ...] = ()
    allow: dict[str, str] = {}
