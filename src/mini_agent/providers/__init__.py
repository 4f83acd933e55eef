"""Room 2: model clients, one per file, and the registry that resolves model names to them."""
