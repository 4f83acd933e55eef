import pytest

collect_ignore_glob = ["*_data.py"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.stash.setdefault(REPORTS, []).append(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    return (yield)


@pytest.fixture
def test_client():
    return {"name": "a fixture whose name looks like a test"}


REPORTS = pytest.StashKey()
