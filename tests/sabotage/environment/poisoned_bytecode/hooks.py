def after(tiny):
    """Only run it again."""
