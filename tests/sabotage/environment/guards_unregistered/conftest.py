def pytest_collection_finish(session):
    manager = session.config.pluginmanager
    for name in ('greenlane-leaks', 'greenlane-hermetic'):
        manager.unregister(name=name)
