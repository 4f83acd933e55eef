"""A lane that can be run: its environment proved right, its services placed, both held until the run is over."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.environment.build import Recipe, drift_now, prepare
from greenlane.environment.exclusive import exclusive
from greenlane.environment.wheels import harness_state, wheels_state
from greenlane.evidence.evidence import Environment
from greenlane.run.job import LaneJob
from greenlane.run.services import ResolvedServices, ServiceResolver, own_resolver
from greenlane.run.stale import remove_stale
from greenlane.run.tree import files_of
from greenlane.util.checkout import harness_source
from greenlane.util.work_tree import state_of


class PreparedLane(msgspec.Struct, frozen=True):
    """A lane whose environment and artifacts are ours alone.

    Attributes:
        recipe: what the environment is built from; None for an interpreter that is used as it is.
        services: where those live that have an environment of their own.
        files: digests of the files of the work tree that was built, by path; tree: the state that they make.
        harness: state of the harness.
        scratch: private folder of this run.
    """

    job: LaneJob
    recipe: Recipe | None
    environment: Environment
    services: ResolvedServices
    files: dict[str, bytes]
    tree: str
    harness: str
    scratch: Path

    def environment_now(self) -> Environment:
        """Return the environment with how it, and those of the services, differ from their locks, before or now."""
        if self.recipe is None:
            return msgspec.structs.replace(self.environment, drift=self.services.drift())
        later = (f"during the run: {text}" for text in drift_now(self.recipe))
        drift = (*self.environment.drift, *later, *self.services.drift())
        return msgspec.structs.replace(self.environment, drift=drift)


@contextmanager
def prepared_lane(job: LaneJob, resolver: ServiceResolver | None = None) -> Iterator[PreparedLane]:
    """Build the lane's environment or prove it right, and hold it with an empty folder of artifacts.

    Both have one owner at a time, from the removal of old files to the reading of new ones.

    Args:
        resolver: who builds environments, and finds places for services in a run of several lanes.

    Raises:
        ConfigError: the lock is missing or wrong, or the folder of artifacts is not a lane's.
        EnvironmentBuildError: an environment could not be built.
    """
    settings, say, resolver = job.settings, job.context.say, resolver or own_resolver(job)
    files = files_of(settings)
    tree = state_of(files)
    recipe = None if job.interpreter else _recipe(settings, job.lane, tree)
    with ExitStack() as stack:
        place = recipe.location if recipe else settings.root / settings.configuration.artifacts / job.label
        stack.enter_context(exclusive(place.with_suffix(".lock"), job.holder, say))
        remove_stale(job)
        environment = prepare(recipe, resolver.installer, say) if recipe else _as_it_is(job.interpreter)
        services = resolver.resolve(job, stack)
        scratch = Path(tempfile.mkdtemp(prefix="greenlane-"))
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        yield PreparedLane(job, recipe, environment, services, files, tree, harness_state(), scratch)


def _as_it_is(interpreter: str) -> Environment:
    """Return the environment of an interpreter that nobody built here; it is ours, so that its version is known."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Environment(location=sys.prefix, python=interpreter, version=version, lock="", wheel="")


def _recipe(settings: Settings, lane: Lane, tree: str) -> Recipe:
    """Return what the environment of a lane is built from: another harness means another environment, too.

    Args:
        tree: state of the work tree.
    """
    source = harness_source()
    in_place = lane.editable and source != settings.root
    project = settings.root if lane.project else None
    wheels = wheels_state(project, tree, source)
    return Recipe(
        location=settings.root / settings.configuration.environments / lane.name,
        lock=settings.root / lane.lock,
        python=lane.python,
        project=project,
        alone=project is None,
        # Another way to install is another environment, and the harness's own project goes in as what runs: a wheel.
        tree=f"{wheels} in place" if in_place else wheels,
        editable=in_place,
    )
