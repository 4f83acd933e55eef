"""The door of the lane plugin: asleep until a lane contract is given.

It is imported in every pytest run of everyone who installs greenlane, so it imports pytest and nothing else.
"""

import pytest

MARKERS = (
    "shard(name): run this test in the named shard of its lane",
    "provider(name): this test calls a live provider; it is skipped, loudly, while the provider's gate is closed",
    "needs(service, ...): this test cannot do without these services; it is skipped, loudly, where they are absent",
    "samples(n, at_least=k): run this test n times with recorded seeds (fixture `sample`); k of n must pass",
    "refused(n): in this test a service of the lane refuses n requests as wrong, which makes no BAD_REQUEST_SEEN",
    "leaks(reason): this test leaves state behind on purpose",
)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin the lane before the first conftest is imported, when there is a contract."""
    from os import environ

    path = environ.get("GREENLANE_CONTRACT")
    if path:
        from greenlane.plugin.late_garbage import be_patient

        be_patient(early_config)
        from greenlane.plugin.install import begin_lane

        begin_lane(early_config, path)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a test by the shard that it is pinned to."""
    for mark in item.iter_markers("shard"):
        item.extra_keyword_matches.update(map(str, mark.args))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and open the lane when there is a contract."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    from os import environ

    path = environ.get("GREENLANE_CONTRACT")
    if path:
        from greenlane.plugin.install import open_lane

        open_lane(config, path)
