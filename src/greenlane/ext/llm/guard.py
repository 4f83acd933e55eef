"""The router guard: decides which router configuration each lane gets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from greenlane.config.lanes import Router
from greenlane.errors import ConfigError
from greenlane.evidence.violation import Code, Violation
from greenlane.run.guards import Guarded, Look
from greenlane.supervisor.plan import GivenFile

STUB = "router_stub.yaml"
"""The router configuration that stands in where the caller has none."""


def router(look: Look) -> Guarded:
    """Return the router configuration of lanes, and GROUP_MISSING for each group that the caller's own lacks.

    A deterministic lane gets the stub whatever the caller has: his own may hold keys, and hosts that it cannot reach.

    Raises:
        ConfigError: the caller's configuration cannot be read, or is none.
    """
    settings, environ = look.context.settings, look.context.environ
    declared = settings.configuration.router
    groups = wanted(declared, environ)
    named = environ.get(declared.variable, "").strip()
    if not groups:
        return Guarded()
    names = ", ".join(groups)
    kept = GivenFile(
        line=f"router {{path}}, a stub that points at the base, has {names}",
        variables=_variables(declared, groups),
        text=stub(declared, groups, "{base}"),
        name=STUB,
        latest=settings.configuration.stub,
    )
    resolved = f"must resolve: {names}"
    if not named:
        facts = (resolved, f"a stub is written to {kept.latest}")
        return Guarded(files=(kept,), hermetic_files=(kept,), facts=facts)
    file = (settings.root / named).resolve()
    try:
        found = groups_of(look.read_yaml(file))
    except ValueError as error:
        raise ConfigError(f"{file} ({declared.variable}): {error}", "see LiteLLM's `model_list`") from error
    notes = missing(groups, found, str(file), declared.variable, look.strict)
    variables = _variables(declared, groups)
    own = GivenFile(line=f"router {{path}}, the caller's own, has {names}", variables=variables, path=str(file))
    return Guarded(
        notes=tuple(notes),
        files=(kept if notes else own,),
        hermetic_files=(kept,),
        facts=(resolved, f"{file} has {', '.join(found) or 'no group'}"),
    )


def _variables(declared: Router, groups: tuple[str, ...]) -> dict[str, str]:
    """Return what a lane is told: where the configuration is, and the group to ask for."""
    known = {declared.variable: "{path}", declared.group_variable: groups[0]}
    return {name: value for name, value in known.items() if name}


NO_KEY = "no-key"
"""Stands where LiteLLM wants a key and the service of the harness asks for none."""


def wanted(router: Router, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the groups that must resolve: the one that the caller names, then the configured ones."""
    if not router.variable:
        return ()
    named = environ.get(router.group_variable, "").strip()
    return tuple(dict.fromkeys((*([named] if named else []), *router.groups)))


def groups_of(content: object) -> tuple[str, ...]:
    """Return the model groups of a LiteLLM configuration.

    Args:
        content: of the file, as plain data.

    Raises:
        ValueError: it is no such configuration.
    """
    models = content.get("model_list") if isinstance(content, dict) else None
    if not isinstance(models, list):
        raise ValueError("it has no list `model_list`")
    names = [entry.get("model_name") if isinstance(entry, dict) else None for entry in models]
    wrong = [str(index) for index, name in enumerate(names) if not isinstance(name, str) or not name]
    if wrong:
        raise ValueError(f"model_list[{wrong[0]}] has no `model_name`")
    return tuple(dict.fromkeys(map(str, names)))


def missing(groups: Iterable[str], found: Sequence[str], file: str, variable: str, strict: bool) -> list[Violation]:
    """Return GROUP_MISSING for each wanted group that a configuration lacks.

    Args:
        groups: what must resolve; found: the groups that the configuration has.
        file: its path; variable: the environment name that gave it.
        strict: whether a missing group is red; otherwise the stub is used and this is a warning.
    """
    known = ", ".join(found) or "none"
    instead = "" if strict else "; the stub is used instead"
    return [
        Violation(
            code=Code.GROUP_MISSING, subject=group, gating=strict, path=file,
            message=f"{file} ({variable}) has no model group {group!r}; found: {known}{instead}",
        )
        for group in groups if group not in found
    ]  # fmt: skip


def stub(router: Router, groups: Iterable[str], base: str) -> str:
    """Return a LiteLLM configuration in which every group calls the one base.

    Each entry has an `api_base`: a group without one would call its provider's own host.

    Args:
        groups: names of the groups; base: the address, without `/v1`.
    """
    lines = ["# Written by greenlane, and again by the next run; see [tool.greenlane.router].", "model_list:"]
    for group in groups:
        params = {"model": router.model.replace("{group}", group), "api_base": f"{base}/v1", "api_key": NO_KEY}
        lines.append(f"  - model_name: {_text(group)}")
        lines.append("    litellm_params:")
        lines += [f"      {key}: {_text(value)}" for key, value in {**params, "max_retries": 0}.items()]
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """Return a value as JSON writes it, which is YAML, whatever a name is made of."""
    return json.dumps(value)
