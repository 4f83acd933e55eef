"""A better day, outside of the tree."""


def after(tiny):
    (tiny.path.parent / "lucky").touch()
