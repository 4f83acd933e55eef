"""Hypothesis in a deterministic lane: the same examples in every run, and nothing of it in the work tree."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

EXAMPLES = 50
"""Examples of a property that does not say how many it needs."""


def use_hypothesis(config: pytest.Config) -> None:
    """Set up Hypothesis in a process that collects tests; one that hands them to workers does not import it.

    Args:
        config: of the process.
    """
    if config.getoption("dist", "no") != "no":
        return
    from hypothesis import settings
    from hypothesis.configuration import set_hypothesis_home_dir
    from hypothesis.internal.conjecture import providers

    # It keeps what it learnt beside the tests; a lane leaves nothing in the work tree.
    set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "greenlane-hypothesis")
    # It would read every module of ours that is imported by now for constants worth a try: seconds of each worker, and
    # other examples wherever other tests ran before (hypothesis 6.170 has no setting for it).
    providers._get_local_constants = lambda: providers._local_constants
    settings.register_profile("lane", max_examples=EXAMPLES, database=None, deadline=None, derandomize=True)
    settings.load_profile("lane")
