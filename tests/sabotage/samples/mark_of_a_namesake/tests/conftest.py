import pytest


def pytest_generate_tests(metafunc):
    if "sub" not in metafunc.definition.nodeid:
        metafunc.definition.add_marker(pytest.mark.samples(2, at_least=1))
