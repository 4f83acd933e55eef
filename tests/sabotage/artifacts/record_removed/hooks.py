def after(tiny):
    """Remove the record."""
    (tiny.path / ".artifacts" / "core" / "lane.json").unlink()
