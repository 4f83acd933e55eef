def pytest_pycollect_makeitem(name):
    return [] if name == 'test_bad' else None
