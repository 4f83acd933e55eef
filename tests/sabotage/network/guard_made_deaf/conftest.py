def pytest_collection_finish(session):
    session.config.pluginmanager.get_plugin("greenlane-hermetic").close()
