"""Change control: rules of what must change together, what changed, and what follows."""

from __future__ import annotations

import enum

import msgspec


class ChangeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a change of a surface asks for in the same change.

    Attributes:
        surface: patterns of the files that the rule is about; `*` stays within a folder, `**` crosses folders.
        lines: regular expression; when given, only a file with an added or removed line that it finds counts.
        needs: patterns of which at least one file must change, too, by the name of the need; in a plain list each
            pattern is a need of its own.
        runs: lanes that must be green by the strict rules on this very tree.
    """

    surface: tuple[str, ...]
    lines: str = ""
    needs: dict[str, tuple[str, ...]] | tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def named_needs(self) -> dict[str, tuple[str, ...]]:
        """The patterns of each need, by its name."""
        return self.needs if isinstance(self.needs, dict) else {pattern: (pattern,) for pattern in self.needs}


class ChangeKind(enum.StrEnum):
    """What happened to a file."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a diff.

    Attributes:
        path: relative to the project, `/` between folders; of a renamed file the new one.
        old: path before a renaming; empty for every other kind.
        same: whether a renamed file kept its content.
        lines: added and removed lines, without their signs.
    """

    path: str
    kind: ChangeKind
    old: str = ""
    same: bool = False
    lines: tuple[str, ...] = ()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the checklist below a rule.

    Attributes:
        name: of the need, or of the lane that must be run.
        done: whether the change meets it.
        found: what meets it: paths, or a lane's evidence.
        next_step: what to do when it is not met.
    """

    name: str
    done: bool
    found: tuple[str, ...] = ()
    next_step: str = ""


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that a change touches: the surface files of it, and what they ask for."""

    rule: str
    touched: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def done(self) -> bool:
        """Whether everything that the rule asks for is met."""
        return all(item.done for item in self.items)


class Checklist(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a change: `base` is what it was compared with, `files` the number of changed files."""

    schema: int = 1
    base: str
    files: int
    results: tuple[RuleResult, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the change meets every rule that it touches."""
        return all(result.done for result in self.results)
