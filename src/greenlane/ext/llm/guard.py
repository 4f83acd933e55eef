"""The router guard: decides which router configuration each lane gets."""

from __future__ import annotations

from greenlane.config.lanes import Router
from greenlane.errors import ConfigError
from greenlane.ext.llm.router import groups_of, missing, stub, wanted
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
