def after(tiny):
    """Change the lock."""
    tiny.write("locks/core.txt", tiny.lock + "\n# changed\n")
