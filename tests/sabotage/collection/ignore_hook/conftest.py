def pytest_ignore_collect(collection_path):
    return True if 'bad' in collection_path.name else None
