import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    metafunc.definition.add_marker(pytest.mark.samples(3, at_least=1))
