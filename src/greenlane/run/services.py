"""Where the services of a lane live: in the lane's environment, in one of their own, or with somebody else."""

from __future__ import annotations

from contextlib import ExitStack

import msgspec

from greenlane.config.context import Context
from greenlane.config.lanes import Instead, Service
from greenlane.config.load import Settings
from greenlane.config.services import absence_line, switched_off
from greenlane.environment.build import Recipe, drift_now, prepare
from greenlane.environment.exclusive import exclusive
from greenlane.environment.installers import Installer, Virtualenv, installer_of
from greenlane.environment.lock_file import installation_failure, mismatched
from greenlane.errors import ConfigError, EnvironmentBuildError, UnreachableIndexError
from greenlane.evidence.evidence import Environment, ServiceRecord
from greenlane.judge.address import canonical_url
from greenlane.run.job import LaneJob
from greenlane.run.service_probes import lack_of, unanswered
from greenlane.util.work_tree import tree_state


class ResolvedServices(msgspec.Struct, frozen=True, kw_only=True):
    """Where the services of one run live.

    Attributes:
        environments: by service, for those with one of their own.
        recipes: what these were built from.
        instead: address of somebody else's server that is used in a service's place.
        absent: services that the run does without.
    """

    environments: dict[str, Environment] = {}
    recipes: dict[str, Recipe] = {}
    instead: dict[str, str] = {}
    absent: dict[str, ServiceRecord] = {}

    def drift(self) -> tuple[str, ...]:
        """Return how the environments differ from their locks, before the run or now."""
        found = [f"service {name}: {text}" for name, home in self.environments.items() for text in home.drift]
        for name, recipe in self.recipes.items():
            found += [f"service {name}: during the run: {text}" for text in drift_now(recipe)]
        return tuple(found)


class ServiceResolver:
    """Finds a place for the services of a whole run, so that each absence is told once; `installer` builds it."""

    def __init__(self, context: Context, installer: Installer) -> None:
        self._settings = context.settings
        self.installer = installer
        self._say = context.say
        self._said: set[str] = set()
        self._unreachable: dict[str, str] = {}
        self._lacks: dict[tuple[str, ...], str] = {}

    def resolve(self, job: LaneJob, stack: ExitStack) -> ResolvedServices:
        """Return where the services of a lane or shard live; their environments are ours while `stack` is open.

        Raises:
            ConfigError: a lock is missing or names a compromised release.
            EnvironmentBuildError: an environment could not be built, and its service is not optional.
        """
        resolved = ResolvedServices()
        for name, service in sorted(job.services.items()):
            off = switched_off(service, job.environ)
            if off:
                self._miss(resolved, name, service, off, off=True)
            elif lack := self._lack(service, job):
                # Nobody can switch it on here: who wants its tests to run expects it by its name.
                self._miss(resolved, name, service, lack, off=True)
            elif service.instead and (base := self._instead(name, service.instead, job)):
                resolved.instead[name] = base
            elif service.environment:
                self._build(resolved, name, service, job, stack)
        return resolved

    def _lack(self, service: Service, job: LaneJob) -> str:
        """Return why this machine cannot have a service, asked once in a run; empty when it can, or nobody asks."""
        if service.probe not in self._lacks:
            self._lacks[service.probe] = lack_of(service, job.settings.root, job.environ) if service.probe else ""
        return self._lacks[service.probe]

    def _build(self, resolved: ResolvedServices, name: str, service: Service, job: LaneJob, stack: ExitStack) -> None:
        """Build the environment of one service, or prove it right."""
        recipe = service_recipe(self._settings, service.environment)
        if service.environment in self._unreachable:
            self._miss(resolved, name, service, self._unreachable[service.environment])
            return
        stack.enter_context(exclusive(recipe.location.with_suffix(".lock"), job.holder, self._say))
        try:
            resolved.environments[name] = prepare(recipe, self.installer, self._say)
        except (EnvironmentBuildError, UnreachableIndexError) as error:
            if not service.optional or mismatched(error.detail):
                raise
            self._unreachable[service.environment] = installation_failure(error.message, error.detail)
            self._miss(resolved, name, service, self._unreachable[service.environment])
        else:
            resolved.recipes[name] = recipe

    def _miss(self, resolved: ResolvedServices, name: str, service: Service, reason: str, *, off: bool = False) -> None:
        """Note that the run does without a service, and say so once."""
        resolved.absent[name] = ServiceRecord(name=name, absent=reason, off=off, gated=service.gated)
        if name not in self._said:
            self._said.add(name)
            self._say(absence_line(name, service, reason))

    def _instead(self, name: str, instead: Instead, job: LaneJob) -> str:
        """Return the address of somebody else's server; empty when there is none that answers.

        Raises:
            ConfigError: the variable holds no address.
        """
        text = job.environ.get(instead.variable, "").strip()
        if not text:
            return ""
        try:
            base = canonical_url(text)
        except ValueError as error:
            raise ConfigError(f"{instead.variable}: {error}") from error
        why = unanswered(base, instead.ready)
        if why and name not in self._said:
            self._said.add(name)
            self._say(f"service {name}: {instead.variable} names {base}, which does not answer ({why}); ours is used")
        return "" if why else base


def service_recipe(settings: Settings, environment: str) -> Recipe:
    """Return what the environment of a service is built from: its lock alone, or the project's wheel, too."""
    lock = settings.configuration.locks[environment]
    project = settings.root if lock.project else None
    return Recipe(
        location=settings.root / settings.configuration.environments / environment,
        lock=settings.root / "locks" / f"{environment}.txt",
        python="",
        project=project,
        harness=False,
        tree=tree_state(settings.root) if project else "no wheel",
        packages=settings.root / "locks" / environment if lock.npm else None,
    )


def own_resolver(job: LaneJob) -> ServiceResolver:
    """Return who finds places for what is run by itself; an interpreter that is used as it is asks for no installer.

    Raises:
        ConfigError: neither uv nor virtualenv is there.
    """
    tools = job.settings.root / job.settings.configuration.environments
    installer = Virtualenv(tools, job.environ) if job.interpreter else installer_of(job.context)
    return ServiceResolver(job.context, installer)
