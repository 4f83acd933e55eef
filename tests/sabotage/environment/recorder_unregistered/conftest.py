def pytest_runtest_logfinish(nodeid, location):
    if MANAGER and MANAGER[0].has_plugin('greenlane-recorder'):
        MANAGER[0].unregister(name='greenlane-recorder')


MANAGER = []


def pytest_configure(config):
    MANAGER.append(config.pluginmanager)
